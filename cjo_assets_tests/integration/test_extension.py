"""Extension of a copy of the package: a table is one file, a family is a folder and one line in the catalog."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cjo_assets.core.settings import PROJECT

DAY = "2025-01-20"
GUIDE = PROJECT / "docs" / "how-to" / "add_a_table.md"

FAMILY = '''
"""The family of pets."""

from cjo_assets.core.discovery import datasets_in, tables_in
from cjo_assets.core.family import Family, Goal, Step

NAME = "pets"
STAGES = ("inputs", "care")
DATASETS = datasets_in(__package__, STAGES)

FAMILY = Family(
    name=NAME,
    datasets=DATASETS,
    tables=tables_in(__package__, NAME, STAGES, DATASETS),
    owner="team:pets",
    goal=Goal("Know the age of each pet.", "all pets", ("rules decide",)),
    plan=(Step("care", "Compute ages.", ("care",)),),
)
'''
POLICY = '''
"""Policy section of pets."""

from cjo_assets.policy.base import Section


class PetsPolicy(Section):
    """Rules about pets."""

    old_after_days: int
'''
RULES = """
old_after_days: 400
"""
DATASET = '''
"""Pets. One row per pet."""

from datetime import date

from cjo_assets.core.contract import Contract, column, key
from cjo_assets.core.dataset import Dataset


class Pets(Contract):
    """Pets that passed their contract. One row per pet."""

    pet_id: str = key("Pet.")
    born_on: date = column("Day of birth.")


DATASET = Dataset("pets", Pets, record_date="born_on")
'''
TABLE = '''
"""Ages of pets. One row per as-of date and pet."""

import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.policy.pets import PetsPolicy


class PetAges(DatedContract):
    """Ages of pets. One row per as-of date and pet."""

    pet_id: str = key("Pet.")
    age_days: int = column("Age on the as-of date [days].", ge=0)


    is_old: bool = column("Older than the policy's limit.")


def pet_ages(pets: ir.Table, as_of: ir.DateScalar, policy: PetsPolicy) -> ir.Table:
    """Return the age of each pet born by the as-of date."""
    born = pets.filter(pets.born_on <= as_of)
    age_days = as_of.delta(born.born_on, unit="day").cast("int64")
    return born.select("pet_id", age_days=age_days, is_old=age_days > policy.old_after_days)


@check
def old_pets(pet_ages: ir.Table) -> ir.Table:
    """Return pets older than the limit."""
    return pet_ages.filter(pet_ages.is_old)
'''
# What Dagster and the reference have, as JSON.
DEFINED = """
import json
from cjo_assets.cli.catalogue import tables_page
from cjo_assets.definitions import defs
found = defs()
graph = found.resolve_asset_graph()
print(json.dumps({
    "assets": [key.to_user_string() for key in graph.get_all_asset_keys()],
    "checks": [f"{key.asset_key.to_user_string()} {key.name}" for key in graph.asset_check_keys],
    "jobs": [job.name for job in found.resolve_all_job_defs()],
    "schedules": [schedule.name for schedule in found.schedules],
    "sensors": [sensor.name for sensor in found.sensors],
    "reference": tables_page(),
}))
"""
# A published database without any day, for the comments.
PUBLISHED = """
import sys
from pathlib import Path
import duckdb
from cjo_assets.catalog import all_families
from cjo_assets.engine.store import Store
from cjo_assets.warehouse.publish import publish
publish(Store(duckdb.connect(), all_families()), Path(sys.argv[1]), [])
"""


def copy_of_package(folder: Path) -> Path:
    """Copy the package and its settings for Dagster into a folder, and return the folder."""
    shutil.copytree(PROJECT / "cjo_assets", folder / "cjo_assets", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "dagster.yaml"):
        shutil.copy(PROJECT / name, folder)
    return folder


def python(folder: Path, *arguments: str) -> str:
    """Run Python with the copy of the package, and return its output."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CJO_", "DAGSTER_"))}
    environment |= {"PYTHONPATH": str(folder), "CJO_HOME": str(folder / "home"), "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def defined_in(folder: Path) -> dict[str, Any]:
    """Return what Dagster and the table reference have of the copy."""
    found: dict[str, Any] = json.loads(python(folder, "-c", DEFINED).splitlines()[-1])
    return found


def comments_of(database: Path, table: str) -> dict[str, str]:
    """Return the comment of a dated table under its name, and those of its own columns under theirs."""
    schema, _, name = table.partition(".")
    with duckdb.connect(str(database), read_only=True) as connection:
        columns = connection.execute(
            "SELECT column_name, comment FROM duckdb_columns() "
            "WHERE schema_name = ? AND table_name = ? AND column_name <> 'as_of'",
            [schema, name],
        ).fetchall()
        tables = connection.execute(
            "SELECT table_name, comment FROM duckdb_tables() WHERE schema_name = ? AND table_name = ?", [schema, name]
        ).fetchall()
    return dict([*columns, *tables])


@pytest.fixture(scope="module")
def with_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the package with one more file: the example of the guide."""
    folder = copy_of_package(tmp_path_factory.mktemp("table"))
    text = GUIDE.read_text(encoding="utf-8")
    [path] = re.findall(r"Create `(cjo_assets/families/\S+\.py)`", text)
    [source] = re.findall(r"^ *```python\n(.*?)^ *```", text, flags=re.MULTILINE | re.DOTALL)
    assert not (folder / path).exists()
    (folder / path).write_text(textwrap.dedent(source), encoding="utf-8")
    return folder


def test_a_table_is_added_by_one_file(with_table: Path) -> None:
    found = defined_in(with_table)
    assert "journey/signal_recency" in found["assets"]
    assert {check for check in found["checks"] if "signal_recency" in check} == {
        "journey/signal_recency contract",
        "journey/signal_recency customers_without_row",
    }
    assert "## journey.signal_recency" in found["reference"]
    database = with_table / "published.duckdb"
    python(with_table, "-c", PUBLISHED, str(database))
    assert comments_of(database, "journey.signal_recency") == {
        "signal_recency": "Days since the last signal. One row per customer and as-of date.",
        "customer_id": "Customer.",
        "days_since_signal": "Days since the last signal [days]; null without signals.",
    }


@pytest.fixture(scope="module")
def with_family(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the package with one more family: its folder, its policy and a line in the catalog."""
    folder = copy_of_package(tmp_path_factory.mktemp("family"))
    family = folder / "cjo_assets" / "families" / "pets"
    for path, source in {
        "__init__.py": '"""Pets."""\n',
        "family.py": FAMILY,
        "inputs/__init__.py": '"""Inputs."""\n',
        "inputs/pets.py": DATASET,
        "care/__init__.py": '"""Care."""\n',
        "care/pet_ages.py": TABLE,
    }.items():
        (family / path).parent.mkdir(parents=True, exist_ok=True)
        (family / path).write_text(source.lstrip(), encoding="utf-8")
    for name, content in {"pets.py": POLICY, "pets.yaml": RULES}.items():
        (folder / "cjo_assets" / "policy" / name).write_text(content.lstrip(), encoding="utf-8")
    catalog = folder / "cjo_assets" / "catalog.py"
    text = catalog.read_text(encoding="utf-8")
    [listed] = re.findall(r"^FAMILIES = \((.*)\)$", text, flags=re.MULTILINE)
    line = "from cjo_assets.families.pets.family import FAMILY as PETS"
    catalog.write_text(
        text.replace(f"FAMILIES = ({listed})", f"{line}\n\nFAMILIES = ({listed}, PETS)"), encoding="utf-8"
    )
    (folder / "data" / "pets").mkdir(parents=True)
    pets = [{"pet_id": "P1", "born_on": "2025-01-10"}, {"pet_id": "P2", "born_on": "2020-01-20"}]
    (folder / "data" / "pets" / "pets.json").write_text(json.dumps([*pets, {"pet_id": "P3", "born_on": "never"}]))
    return folder


def test_a_family_is_added_by_its_folder_its_policy_and_one_line(with_family: Path) -> None:
    found = defined_in(with_family)
    assert {"raw/pets", "quarantine/pets", "pets/pets", "pets/pet_ages"} <= set(found["assets"])
    assert {check for check in found["checks"] if check.startswith("pets/pet_ages")} == {
        "pets/pet_ages contract",
        "pets/pet_ages old_pets",
    }
    assert "daily_pets" in found["jobs"]
    assert "every_day_pets" in found["schedules"]
    assert "new_files_pets" in found["sensors"]
    assert "## pets.pet_ages" in found["reference"]


def test_an_added_family_runs(with_family: Path) -> None:
    cjo = ("-c", "from cjo_assets.cli.app import main; main()")
    said = python(with_family, *cjo, "run", "--family", "pets", "--as-of", DAY)
    assert "Pets on 20 Jan 2025" in said
    assert "1 of 3 rows" in said
    assert "pets/pet_ages old_pets: 1" in said
    database = with_family / "home" / "cjo.duckdb"
    with duckdb.connect(str(database), read_only=True) as connection:
        ages = connection.execute("SELECT pet_id, age_days FROM latest_pets.pet_ages ORDER BY pet_id").fetchall()
        runs = connection.execute("SELECT family, as_of::VARCHAR FROM audit.runs WHERE is_published").fetchall()
    assert ages == [("P1", 10), ("P2", 1827)]
    assert runs == [("pets", DAY)]
    assert comments_of(database, "pets.pet_ages") == {
        "pet_ages": "Ages of pets. One row per as-of date and pet.",
        "pet_id": "Pet.",
        "age_days": "Age on the as-of date [days].",
        "is_old": "Older than the policy's limit.",
    }
    own_policy = with_family / "policy.yaml"
    own_policy.write_text("pets: {old_after_days: 5}", encoding="utf-8")
    said = python(with_family, *cjo, "run", "--family", "pets", "--as-of", DAY, "--policy", str(own_policy))
    assert "pets/pet_ages old_pets: 2" in said
    options = re.sub(r"[│\s]+", " ", python(with_family, *cjo, "run", "--help"))
    assert "Family to run: journey, marketing, lifecycle or pets;" in options
