"""Export of one customer: each published table is decided on, and no other customer or person is in any byte."""

import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from cjo_assets.catalog import all_families, data_families
from cjo_assets.core.errors import WarehouseError
from cjo_assets.core.settings import Settings
from cjo_assets.warehouse.customer_export import MANIFEST, OTHER, Redaction, export_customer, tables_of_customers
from cjo_assets.warehouse.export import Format
from cjo_assets_tests.integration.families.lifecycle.conftest import LAST_DAY, Publish
from cjo_assets_tests.support.chain import SAMPLE

CUSTOMERS = [f"C{number:03}" for number in range(1, 14)]
# Rejected rows, records of the audit, and views that repeat tables of families.
NEVER = {"quarantine", "audit", "latest"}
Exported = Callable[[str, Format], tuple[Path, dict[str, int]]]


def read(name: str) -> list[dict[str, str]]:
    """Return the rows of a sample file of the lifecycle."""
    rows: list[dict[str, str]] = json.loads((SAMPLE / f"lifecycle/{name}.json").read_text(encoding="utf-8"))
    return rows


NAMES = {row["customer_id"]: row["name"] for row in read("organizations")}
STAFF = {row["person_id"] for row in read("people") if not row["customer_id"]}


@pytest.fixture(scope="module")
def home(published_home: Publish) -> Settings:
    """Return a home in which both families with customers are published."""
    return published_home("lifecycle", "journey")[0]


@pytest.fixture(scope="module")
def exported(home: Settings, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Return a function that exports a customer."""

    def export(customer: str, written_as: Format) -> tuple[Path, dict[str, int]]:
        folder = tmp_path_factory.mktemp("export") / customer
        return folder, export_customer(home, data_families(), customer, folder, None, written_as)

    return export


def texts_of(path: Path) -> str:
    """Return the decoded content of a file, so that compression hides nothing."""
    if path.suffix != ".parquet":
        return path.read_text(encoding="utf-8")
    rows = duckdb.connect().execute(f"SELECT to_json(rows) FROM '{path}' AS rows").fetchall()
    return "\n".join(row for (row,) in rows)


def test_every_published_table_belongs_to_customers_or_to_none() -> None:
    owned, shared = set(), set()
    for family in all_families():
        owned |= {f"{family.name}.{name}" for name in tables_of_customers(family)}
        if family.tenancy is not None:
            shared |= {f"{family.name}.{name}" for name in family.tenancy.without_tenant}
    published = {table.full_name for family in all_families() for table in family.tables if table.is_published}
    others = {name for name in published if name.partition(".")[0] in NEVER or name.startswith("marketing.")}
    assert owned & shared == set()
    assert owned | shared == published - others
    assert (owned | shared) & others == set()
    assert {"lifecycle.outbox", "lifecycle.approval_answers", "journey.risk_scores"} < owned
    assert {"lifecycle.village_patterns", "lifecycle.agent_scorecard", "journey.kpis"} < shared


@pytest.mark.parametrize("written_as", list(Format))
@pytest.mark.parametrize("customer", ["C004", "C010"])
def test_no_other_customer_and_no_person_is_in_any_file(exported: Exported, customer: str, written_as: Format) -> None:
    folder, counts = exported(customer, written_as)
    others = {*CUSTOMERS, *NAMES.values()} - {customer, NAMES[customer]}
    assert len(others) == 24
    for path in sorted(folder.iterdir()):
        content, decoded = path.read_bytes(), texts_of(path)
        assert {text for text in others if text.encode() in content or text in decoded} == set(), path.name
        assert {text for text in STAFF if text.encode() in content or text in decoded} == set(), path.name
    assert len(list(folder.iterdir())) == len(counts) + 1
    assert counts["lifecycle.accounts"] == counts["journey.customers"] == counts["lifecycle.organizations"] == 1


def test_every_row_of_the_customer_is_exported(home: Settings, exported: Exported) -> None:
    """The counts are those of the published tables, and the values of figures are theirs."""
    folder, counts = exported("C004", Format.PARQUET)
    with duckdb.connect(str(home.published), read_only=True) as reader:
        for name, rows in counts.items():
            if name not in ("journey.approval_decisions", "journey.approval_history") and "approval_a" not in name:
                if name == "lifecycle.lifecycle_approvals":
                    continue
                expected = reader.execute(f"SELECT count(*) FROM {name} WHERE customer_id = 'C004'").fetchone()
                assert (name, rows) == (name, *(expected or ()))
        [score] = reader.execute("SELECT score FROM lifecycle.health_scores WHERE customer_id = 'C004'").fetchall()
    assert score == duckdb.sql(f"SELECT score FROM '{folder}/lifecycle.health_scores.parquet'").fetchone()
    # Hand-counted in the sample: C004 had T-10 and T-14.
    assert counts["lifecycle.tickets"] == 2


def test_people_have_roles_and_documents_of_others_no_owner(exported: Exported) -> None:
    folder, _ = exported("C004", Format.PARQUET)
    searches = duckdb.sql(
        f"SELECT DISTINCT document_customer_id FROM '{folder}/lifecycle.knowledge_searches.parquet'"
    ).fetchall()
    assert (OTHER,) in searches, "a search of C004 found a document of C005"
    roles = duckdb.sql(f"SELECT DISTINCT person_id FROM '{folder}/lifecycle.assignments.parquet'").fetchall()
    known = {role for row in read("people") for role in row["roles"]}
    assert {role for (role,) in roles} <= {*known, None}


def test_the_manifest_lists_each_file(exported: Exported) -> None:
    folder, counts = exported("C010", Format.CSV)
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    assert manifest["customer_id"] == "C010"
    assert manifest["newest_days"] == {"journey": "2025-01-16", "lifecycle": str(LAST_DAY)}
    assert {file["file"] for file in manifest["files"]} == {f"{name}.csv" for name in counts}


def test_an_unknown_customer_and_a_used_folder_are_refused(home: Settings, tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match="no customer C099"):
        export_customer(home, data_families(), "C099", tmp_path / "new", None)
    assert not (tmp_path / "new").exists()
    (tmp_path / "C005.csv").touch()
    with pytest.raises(WarehouseError, match="is not empty"):
        export_customer(home, data_families(), "C004", tmp_path, None)


def test_replacements_are_of_delimited_and_distinctive_texts() -> None:
    redacted = Redaction({"C005": OTHER, "5": OTHER, "Acme": OTHER, "A-08": "manager"}, ["C004", "Acme Labs"])
    assert redacted("Assign A-08 to C004, as for C005.") == f"Assign manager to C004, as for {OTHER}."
    assert redacted("tickets:C005 | 7") == f"tickets:{OTHER} | 7"
    assert redacted("C0051, XC005 and C005-b stay.") == "C0051, XC005 and C005-b stay."
    assert redacted("Acme Labs is not Acme") == f"Acme Labs is not {OTHER}"
    assert redacted("5 of 5 days") == "5 of 5 days"
    assert redacted("5") == OTHER
    assert redacted.each(["A-08", None, "C004"]) == ["manager", None, "C004"]
