"""`latest.account_360` and `latest.work_queue` in the published database: one family alone, and both."""

from collections.abc import Callable
from typing import Any

import duckdb
import pytest

from cjo_assets.catalog import families_about
from cjo_assets.core.checks import CONTRACT_CHECK
from cjo_assets.engine.rows import as_dicts
from cjo_assets.engine.store import Store
from cjo_assets.orchestration.keys import key_of_table, keys_of_day
from cjo_assets.policy import Policy
from cjo_assets_tests.integration.families.lifecycle.conftest import PUBLISHED_DAYS as DAYS
from cjo_assets_tests.integration.families.lifecycle.conftest import Publish

OF_JOURNEY = (
    "journey_as_of",
    "journey_stage",
    "account_value",
    "risk_tier",
    "intervention_id",
    "recommended_action",
    "approval_status",
)
Accounts = dict[str, dict[str, Any]]
# Rows of the work queue by family, and those of the tables that it unites, by the published families.
QUEUES: dict[tuple[str, ...], list[dict[str, Any]]] = {}
SOURCES = "SELECT (SELECT count(*) FROM lifecycle.action_plan), (SELECT count(*) FROM journey.next_steps)"


@pytest.fixture(scope="module")
def accounts_after(published_home: Publish, policy: Policy) -> Callable[..., Accounts]:
    """Return a function that publishes days of families and returns the view by customer."""

    def publish(*families: str) -> Accounts:
        settings, store = published_home(*families)
        # In the build database, too, and as its contract states.
        for name in ("account_360", "work_queue"):
            assert store.replace(store.tables["latest", name], None, policy).verdicts[CONTRACT_CHECK].passed
        built = as_dicts(store.connection.execute("FROM latest.account_360 ORDER BY customer_id"))
        with duckdb.connect(str(settings.published), read_only=True) as reader:
            rows = as_dicts(reader.execute("FROM latest.account_360 ORDER BY customer_id"))
            QUEUES[families] = as_dicts(reader.execute("FROM latest.work_queue ORDER BY family, owner, rank"))
            counts = reader.execute(SOURCES).fetchone()
        found_in = [[row["family"] for row in QUEUES[families]].count(name) for name in ("lifecycle", "journey")]
        assert tuple(found_in) == counts
        found = {row["customer_id"]: row for row in rows}
        assert len(found) == len(rows), "one row per customer"
        assert rows == built
        return found

    return publish


@pytest.fixture(scope="module")
def both(accounts_after: Callable[..., Accounts]) -> Accounts:
    """Return the view after both families."""
    return accounts_after("lifecycle", "journey")


def test_the_work_of_both_families_is_one_queue(both: Accounts) -> None:
    del both
    queue = QUEUES["lifecycle", "journey"]
    assert {row["family"]: row["day"] for row in queue} == DAYS
    # C008's credit of 816.67 waits with its success manager.
    [credit] = [row for row in queue if (row["owner"], row["kind"]) == ("A-08", "approval")]
    assert (credit["kind"], credit["customer_id"], credit["fits_day"], credit["minutes"]) == (
        "approval",
        "C008",
        True,
        10,
    )
    steps = [row for row in queue if row["family"] == "journey"]
    assert {row["minutes"] for row in steps} == {None}
    assert {row["customer_id"] for row in steps if row["kind"] == "decide"} <= {
        f"C{number:03}" for number in range(1, 11)
    }


def test_after_both_families(both: Accounts) -> None:
    assert list(both) == [f"C{number:03}" for number in range(1, 14)]
    row = both["C005"]
    assert (row["lifecycle_as_of"], row["journey_as_of"]) == (DAYS["lifecycle"], DAYS["journey"])
    assert (row["lifecycle_stage"], row["health_band"], row["health_score"]) == ("at_risk", "red", 16.111111)
    # The contract is of 36,000 a year, and the customer file has 38,000.
    assert (row["mrr"], row["yearly_mrr"], row["account_value"]) == (3000.0, 36_000.0, 38_000.0)
    # Its invoice of January 5, from before the change of its plan, is unpaid after 15 days.
    assert (row["open_invoices"], row["open_amount"], row["days_overdue"]) == (1, 3600.0, 15)
    assert row["journey_stage"] == "support"
    assert row["risk_tier"] in ("high", "medium")
    # T-07 of C008 is breached without an answer; T-13 of C006 has used 960 of its 960 minutes.
    assert (both["C008"]["open_breaches"], both["C006"]["tickets_at_risk"]) == (1, 1)
    # 2,500 a month more for the larger plan.
    assert (both["C001"]["offer"], both["C001"]["offer_value"]) == ("premium_tier", 30_000.0)
    # C011 is in a trial since the 13th: the message of its day 7 is due.
    trial = [both["C011"][name] for name in ("next_message", "next_message_state", "next_message_on")]
    assert trial == ["success", "due", DAYS["lifecycle"]]
    assert [both["C012"][name] for name in OF_JOURNEY[1:]] == [None] * 6, "a lead that the journey does not have"
    assert both["C012"]["lifecycle_stage"] == "lead"


def test_after_the_lifecycle_alone(accounts_after: Callable[..., Accounts], both: Accounts) -> None:
    alone = accounts_after("lifecycle")
    assert alone.keys() == both.keys()
    for customer, row in alone.items():
        assert row == both[customer] | dict.fromkeys(OF_JOURNEY)


def test_after_the_journey_alone(accounts_after: Callable[..., Accounts], both: Accounts) -> None:
    alone = accounts_after("journey")
    assert list(alone) == [f"C{number:03}" for number in range(1, 11)], "the customers of its file"
    assert both["C005"]["risk_tier"] is not None
    for row in alone.values():
        named = {name for name, value in row.items() if value is not None}
        assert named <= {"customer_id", *OF_JOURNEY}
        assert (row["journey_as_of"], row["account_value"] > 0) == (DAYS["journey"], True)
    assert any(row["intervention_id"] for row in alone.values())


def test_the_view_belongs_to_no_family_alone() -> None:
    """The day of the lifecycle, which declares it, materializes it."""
    key = key_of_table("latest", "account_360")
    assert {family: key in keys_of_day(family) for family in DAYS} == {"journey": False, "lifecycle": True}
    for family in DAYS:
        assert ("latest", "account_360") not in Store(duckdb.connect(), families_about(family)).tables
    store = Store(duckdb.connect(), families_about(*DAYS))
    assert store.family_of["latest", "account_360"] == "latest"
    assert store.family_of["latest", "customer_360"] == "journey"
    for family in DAYS:
        assert "latest.account_360" not in {table.full_name for table in store.tables_of(family)}
