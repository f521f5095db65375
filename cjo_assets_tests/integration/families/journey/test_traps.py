"""Known faults of published implementations of this system ("traps"), each with a test that excludes it."""

import ast
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import ibis
import pytest

from cjo_assets.core.contract import columns_of
from cjo_assets.core.errors import InputError
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS, rounded
from cjo_assets.core.settings import PROJECT
from cjo_assets.engine.store import Stored
from cjo_assets.families.journey.report.reading import journey_figures
from cjo_assets.families.journey.report.report import journey_report
from cjo_assets.policy import Policy, load_policy
from cjo_assets.reporting.markdown import as_markdown
from cjo_assets_tests.support.chain import SAMPLE, Chain, read_rows, write_rows
from cjo_assets_tests.support.probe import computed_until, policy_with
from cjo_assets_tests.support.rows import Rows

DAY = date(2025, 1, 20)
ALL_OF_A_DAY = (
    "risk_contributions",
    "approval_history",
    "pending_approvals",
    "kpi_status",
    "kpi_evidence",
    "roi_estimate",
    "journey_summary",
    "portfolio_by_segment",
    "next_steps",
    "stage_flows",
    "conformance",
    "roi_by_grade",
    "roi_sensitivity",
    "audit.dataset_loads",
)
MULTIPLE = "multiple_negative_signals"
# Traps, and the table's test whose text names them.
BESIDE_THE_TABLE = {
    7: "test_fused_signals.py",
    10: "test_approval_requests.py",
    11: "test_approval_routes.py",
    18: "test_fused_signals.py",
    19: "test_playbook_candidates.py",
    24: "test_playbook_performance.py",
    25: "test_playbook_candidates.py",
    26: "test_recommended_interventions.py",
    28: "test_outcome_analyses.py",
}
# The traps of marketing, each with the test whose text names it first of all: "Trap M<n>".
MARKETING_TRAPS = {
    1: "test_experiment_arms.py",
    2: "test_experiment_evaluations.py",
    3: "test_experiment_evaluations.py",
    4: "test_experiment_evaluations.py",
    5: "test_experiment_simulations.py",
    6: "test_experiment_evaluations.py",
    7: "test_experiment_evaluations.py",
    8: "test_experiment_arms.py",
    9: "test_experiment_evaluations.py",
    10: "test_roi_analysis.py",
    11: "test_campaign_analysis.py",
    12: "test_recommendations.py",
    13: "test_campaign_analysis.py",
    14: "test_kpis.py",
    15: "test_subject.py",
    16: "test_funnel_analysis.py",
    17: "test_budget_governance.py",
    18: "test_campaign_analysis.py",
    19: "test_recommendations.py",
    20: "test_recommendations.py",
}


@dataclass(frozen=True)
class Day:
    """A day of some data: its tables, what the checks found, and the report."""

    chain: Chain
    stored: dict[str, Stored]
    policy: Policy

    def found(self, table: str, check: str) -> dict[str, int]:
        """Return what a check of a table found, in rows per rule."""
        return self.stored[table].verdicts[check].broken

    @property
    def report(self) -> str:
        """The report of the day."""
        return as_markdown(journey_report(journey_figures(self.chain.store, DAY, self.policy)), {})

    @property
    def kpis(self) -> dict[str, dict[str, Any]]:
        """The KPIs of the day by name."""
        return self.chain.by("kpi", "journey.kpis")

    @property
    def amounts(self) -> dict[str, float]:
        """The cost and value components of the day by name."""
        return {name: row["amount"] for name, row in self.chain.by("component", "journey.roi_breakdown").items()}

    @property
    def summary(self) -> dict[str, Any]:
        """The day in one line."""
        return self.chain.rows("FROM journey.journey_summary")[0]


Compute = Callable[..., Day]
Change = Callable[[Rows], Rows]


def computed(folder: Path, changes: dict[str, Change], names: tuple[str, ...], rules: Policy, *days: date) -> Day:
    """Compute what some tables need of the sample, with datasets changed; an empty name list means all."""
    data = folder / "data"
    data.mkdir(parents=True)
    for path in sorted((SAMPLE / "journey").iterdir()):
        rows = changes.get(path.stem, lambda same: same)(read_rows(path.parent, path.stem))
        if rows:
            write_rows(data, path.stem, rows)
    store, stored = computed_until(data, folder / "archive", list(days or (DAY,)), rules, names or ALL_OF_A_DAY)
    return Day(Chain(store), stored, rules)


@pytest.fixture
def compute(tmp_path: Path, policy: Policy) -> Compute:
    """Return a function that computes some tables of the sample, with datasets changed."""

    def function(*names: str, rules: Policy = policy, days: tuple[date, ...] = (DAY,), **changes: Change) -> Day:
        return computed(tmp_path / "-".join(["run", *changes]), changes, names, rules, *days)

    return function


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    """Return the sample as it is."""
    day = computed(tmp_path_factory.mktemp("sample") / "run", {}, (), load_policy())
    yield day
    day.chain.store.connection.close()


@pytest.fixture(scope="module")
def crooked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    """Return the sample with all legal faults in the history, and three rejected rows.

    - I001 lost its approval (traps 2, 10 and 16); I005, which never had one, has an outcome of 100,000 all the same.
    - I900 was executed before the window: an outcome of 7,000 that is not this window's (trap 2).
    - Every outcome has a higher churn risk (trap 6); O006 has no satisfaction.
    - O004 is resolved, without a number of days (trap 14).
    - The source reports 999 days in every state (trap 16).
    - Three more signals are rejected: two orphans and one of strength 7 (trap 17).
    """

    def interventions(rows: Rows) -> Rows:
        old = {"intervention_id": "I900", "generated_at": "2024-11-20", "triggered_by_signals": []}
        return [*rows, next(row for row in rows if row["intervention_id"] == "I007") | old]

    def outcomes(rows: Rows) -> Rows:
        rows = [row | {"churn_risk_delta": 0.4} for row in rows]
        by_id = {row["outcome_id"]: row for row in rows}
        by_id["O004"]["resolution_time_days"] = None
        by_id["O006"]["csat_delta"] = None
        unapproved = {"outcome_id": "O005x", "intervention_id": "I005", "customer_id": "C006"}
        old = {"outcome_id": "O900", "intervention_id": "I900", "measured_at": "2024-12-01", "csat_delta": 2}
        return [
            *rows,
            by_id["O001"] | unapproved | {"estimated_revenue_saved": 100000, "resolution_time_days": 40},
            by_id["O006"] | old | {"estimated_revenue_saved": 7000, "resolution_time_days": 4},
        ]

    def signals(rows: Rows) -> Rows:
        bad = [{"signal_id": "B1", "customer_id": "C998"}, {"signal_id": "B2", "customer_id": "C997"}]
        return [*rows, *(rows[0] | one for one in bad), rows[0] | {"signal_id": "B3", "signal_strength": 7.0}]

    changes: dict[str, Change] = {
        "interventions": interventions,
        "outcomes": outcomes,
        "approval_decisions": lambda rows: [row for row in rows if row["intervention_id"] != "I001"],
        "journey_state_log": lambda rows: [row | {"days_in_state": 999} for row in rows],
        "signals": signals,
    }
    day = computed(tmp_path_factory.mktemp("crooked") / "run", changes, (), load_policy())
    yield day
    day.chain.store.connection.close()


@pytest.fixture(scope="module")
def young(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    """Return the sample without any history of interventions, and without C003: nine customers."""
    gone: Change = lambda _: []  # noqa: E731
    changes: dict[str, Change] = dict.fromkeys(("interventions", "outcomes", "approval_decisions"), gone)
    changes |= {name: lambda rows: _without("C003", rows) for name in ("customers", "journey_state_log")}
    day = computed(tmp_path_factory.mktemp("young") / "run", changes, (), load_policy())
    yield day
    day.chain.store.connection.close()


@pytest.fixture(scope="module")
def unwatched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    """Return the sample under a policy that approves by itself and counts a window of 15 days."""
    folder = tmp_path_factory.mktemp("unwatched")
    rules = policy_with(folder, {"journey.approval.auto_approve_for_testing": True, "journey.roi.window_days": 15})
    day = computed(folder / "run", {}, ("approval_history", "roi_breakdown"), rules)
    yield day
    day.chain.store.connection.close()


def test_trap_01_an_outcome_belongs_to_the_intervention_it_names(compute: Compute) -> None:
    """Trap 1: ids are not recycled, and neither position nor customer makes up for one.

    The outcomes are in reverse order, and one of them names another customer's intervention.
    """
    stranger = {"outcome_id": "O777", "intervention_id": "I003", "customer_id": "C001", "measured_at": "2025-01-20"}
    day = compute(
        "outcome_analyses",
        days=(date(2025, 1, 19), DAY),
        outcomes=lambda rows: [*reversed(rows), rows[0] | stranger],
    )
    joined = {
        row["intervention_id"]: row["outcome_id"]
        for row in day.chain.rows("FROM journey.outcome_analyses WHERE as_of = ? AND outcome_id IS NOT NULL", DAY)
    }
    assert joined == {"I001": "O001", "I002": "O002", "I003": "O003", "I004": "O004", "I006": "O005", "I007": "O006"}
    turned_away = day.chain.rows("SELECT record_key, broken_rules FROM quarantine.outcomes")
    assert turned_away == [
        {"record_key": "O777", "broken_rules": ["customer_id: not the customer of the intervention"]}
    ]
    ours = day.chain.rows("FROM journey.recommended_interventions")
    assert {row["as_of"] for row in ours} == {date(2025, 1, 19), DAY}
    assert all(re.fullmatch(r"I-[0-9a-f]{12}", row["intervention_id"]) for row in ours)
    # One id per need and day it was first met: never one id for two customers, and a need that persists keeps its id.
    assert len({(row["intervention_id"], row["customer_id"]) for row in ours}) == len(
        {r["intervention_id"] for r in ours}
    )
    needs = {(row["need_id"], row["generated_at"]): row["intervention_id"] for row in ours}
    assert all(needs[row["need_id"], row["generated_at"]] == row["intervention_id"] for row in ours)
    assert len({row["intervention_id"] for row in ours}) < len(ours)


def test_trap_02_cost_and_value_are_of_one_population(crooked: Day) -> None:
    """Trap 2: of the interventions executed in the window, and every place shows the same figure.

    Executed in the window: I002 (5), I003 (150), I004 (180), I006 (200), I007 (40): 575; and ours for C001 (120), which
    needs no approval: 695. Our other three wait for an answer.
    Their outcomes so far: 0 + 500 + 1,500 + 0 + 800 = 2,800.
    """
    assert (crooked.amounts["playbook_cost"], crooked.amounts["retained_revenue"]) == (695.0, 2800.0)
    roi = crooked.chain.rows("FROM journey.roi_estimate")[0]
    assert roi["interventions_executed"] == 6
    assert (roi["total_value"], roi["total_cost"]) == (2800.0, 695.0 + 25.0 + 0.01 + 500.0)
    assert crooked.summary["total_revenue_preserved"] == 2800.0
    assert crooked.kpis["retention_revenue_preserved"]["value"] == 2800.0
    assert "value 2,800.00, cost 1,220.01, net benefit **1,579.99**" in crooked.report
    assert not re.search(r"4,800\.00|9,800\.00|10\d,\d00", crooked.report)


def test_trap_03_what_was_not_measured_is_reported_as_missing(sample: Day, crooked: Day) -> None:
    """Trap 3: no constant poses as a measurement; what is measured moves with the data."""
    unknown = {name for name, row in sample.kpis.items() if row["status"] == "not_measurable"}
    assert unknown == {
        "journey_state_classification_accuracy",
        "signal_detection_recall",
        "unresolved_issues_reduction",
        "escalation_reduction",
        "experience_consistency_score",
        "churn_rate_reduction",
        "nps_delta_average",
        "cost_per_support_case_reduction",
        "escalation_cost_reduction",
        "lifetime_value_delta",
    }
    for name in unknown:
        row = sample.kpis[name]
        assert (row["value"], row["attainment"], row["numerator"], row["n"]) == (None, None, None, 0)
        assert row["note"].startswith("Missing:")
    # 59 rows, S009 rejected; then an approval less, an intervention and two outcomes more, and three bad signals.
    assert sample.kpis["data_completeness_rate"]["value"] == pytest.approx(58 / 59, abs=1e-6)
    assert crooked.kpis["data_completeness_rate"]["value"] == pytest.approx(60 / 64, abs=1e-6)


def test_trap_04_value_and_target_have_one_unit(sample: Day) -> None:
    """Trap 4: 4,800 of 10,000 in money is critical; no amount of money is compared with a share."""
    revenue = sample.kpis["retention_revenue_preserved"]
    assert (revenue["value"], revenue["unit"], revenue["target"]) == (4800.0, "currency", 10000.0)
    assert (revenue["attainment"], revenue["status"]) == (0.48, "critical")
    shares = [row for row in sample.kpis.values() if row["unit"] == "share"]
    assert all(0 <= row["target"] <= 1 for row in shares)
    assert all(0 <= row["value"] <= 1 for row in shares if row["value"] is not None)
    assert sample.kpis["lifetime_value_delta"]["status"] == "not_measurable"


def test_trap_05_a_family_is_as_good_as_its_worst_kpi(sample: Day, young: Day) -> None:
    """Trap 5: every target finds its KPI, one KPI at risk is not hidden, and no data is not on track."""
    targets = load_policy().journey.kpis.model_dump()
    groups = ("operational_kpi_targets", "effectiveness_kpi_targets", "business_kpi_targets")
    promised = {name: target for group in groups for name, target in targets[group].items()}
    assert {name: row["target"] for name, row in sample.kpis.items()} == promised
    families = sample.chain.by("family", "journey.kpi_status")
    operational = families["operational_health"]
    assert (operational["exceeded"], operational["at_risk"], operational["status"]) == (2, 1, "at_risk")
    assert operational["not_distinguishable"] == 1
    assert {name: row["status"] for name, row in families.items()} == {
        "operational_health": "at_risk",
        # Two of five are measured: too few for good news.
        "journey_impact": "not_measurable",
        # One of seven is measured, and its interval holds its target.
        "business_value": "not_measurable",
    }
    without = young.chain.by("family", "journey.kpi_status")["business_value"]
    assert (without["measured"], without["status"]) == (0, "not_measurable")


def test_trap_06_missing_sign_or_label_improves_nothing(sample: Day, crooked: Day) -> None:
    """Trap 6: precision is a proxy by name, a risk that rises is no reduction, and silence is not zero.

    Satisfaction of executed interventions in the crooked sample: 0 (I002), 0 (I003), 2 (I004), 0 (I006), 2 (I900);
    I007 has no satisfaction, I001 and I005 were not executed, our own are pending. 4 of 5.
    """
    for day in (sample, crooked):
        precision = day.kpis["signal_detection_precision"]
        assert precision["basis"] == "proxy"
        assert precision["note"].startswith("Proxy for labels")
        assert day.kpis["signal_detection_recall"]["value"] is None
        assert day.kpis["churn_rate_reduction"]["value"] is None
        measured = day.chain.by("family", "journey.kpi_status")["operational_health"]["measured"]
        assert measured == sum(
            row["basis"] == "measured" for row in day.kpis.values() if row["family"] == "operational_health"
        )
    satisfaction = crooked.kpis["csat_delta_average"]
    assert (satisfaction["numerator"], satisfaction["n"], satisfaction["value"]) == (4.0, 5, 0.8)
    pending = crooked.chain.rows("FROM journey.outcome_analyses WHERE outcome_id IS NULL")
    assert pending
    assert {row[name] for row in pending for name in ("csat_delta", "estimated_revenue_saved", "outcome")} == {None}


def test_trap_07_only_bad_news_counts_as_bad_news(compute: Compute, sample: Day) -> None:
    """Trap 7: C002 has one negative signal; a positive and an unknown one beside it do not make two."""
    more = [("good", "positive_sentiment"), ("odd", "complaint_on_paper")]
    day = compute(
        "risk_contributions",
        signals=lambda rows: [*rows, *(_signal(name, "C002", kind, 0.9) for name, kind in more)],
    )
    before, after = (one.chain.by("customer_id", "journey.aggregated_signals")["C002"] for one in (sample, day))
    assert (before["total_signals"], after["total_signals"]) == (1, 3)
    assert (after["negative_signals"], after["positive_signals"]) == (1, 1)
    evaluation = day.chain.by("customer_id", "journey.journey_evaluations")["C002"]
    assert MULTIPLE not in evaluation["friction_reasons"]
    old, new = (one.chain.by("customer_id", "journey.risk_scores")["C002"] for one in (sample, day))
    assert MULTIPLE not in new["risk_factors"]
    for score in ("overall_risk_score", "churn_risk_score", "decision_risk"):
        assert new[score] < old[score]
    counts = "SELECT * FROM journey.risk_contributions WHERE customer_id = 'C002' AND factor = 'signal_count'"
    assert sample.chain.rows(counts) == day.chain.rows(counts)


def test_trap_07_the_worst_news_possible_raises_risk_to_the_full(compute: Compute, sample: Day) -> None:
    """Trap 7: a signal of full strength, source and weight is certain: aggregated risk 1, and the run continues."""
    day = compute("risk_scores", signals=lambda rows: [*rows, _signal("worst", "C002", "negative_sentiment", 1.0)])
    assert day.chain.by("customer_id", "journey.aggregated_signals")["C002"]["aggregated_risk_score"] == 1.0
    old, new = (one.chain.by("customer_id", "journey.risk_scores")["C002"] for one in (sample, day))
    assert new["overall_risk_score"] > old["overall_risk_score"]


def test_trap_08_a_type_that_no_list_knows_is_named(compute: Compute, sample: Day) -> None:
    """Trap 8: it counts in the total, has no effect on risk, and a check reports it."""
    day = compute("risk_scores", signals=lambda rows: [*rows, _signal("odd", "C002", "complaint_on_paper", 1.0)])
    assert day.found("journey.signals", "unknown_signal_types") == {"unknown_signal_types": 1}
    assert day.stored["journey.signals"].verdicts["unknown_signal_types"].examples == [
        {"signal_id": "odd", "customer_id": "C002", "signal_type": "complaint_on_paper"}
    ]
    assert sample.found("journey.signals", "unknown_signal_types") == {}
    signals = day.chain.by("customer_id", "journey.aggregated_signals")["C002"]
    assert signals["total_signals"] == 2
    assert "complaint_on_paper" in signals["signal_types"]
    scores = "FROM journey.risk_scores ORDER BY customer_id"
    assert sample.chain.rows(scores) == day.chain.rows(scores)


def test_trap_09_what_is_loaded_and_computed_drives_something(compute: Compute, sample: Day) -> None:
    """Trap 9: tenure, CRM tier, friction and churn risk are read; for flags and thresholds see test_policy_is_consumed.

    C002 scores 0.2869 overall; churn risk (0.4736), which friction feeds, lifts the decision risk to 0.3003,
    past a threshold of 0.295: 0.5 x 0.2869 + 0.25 x 0.4736 + 0.15 x 0.2121 + 0.10 x 0.0661.
    """

    def playbooks(rows: Rows) -> Rows:
        return [row | ({"risk_threshold": 0.295} if row["playbook_id"] == "PB_ONB_002" else {}) for row in rows]

    def customers(rows: Rows) -> Rows:
        changed = {"C010": {"tenure_months": 3}, "C003": {"risk_tier": "high"}}
        return [row | changed.get(row["customer_id"], {}) for row in rows]

    day = compute("playbook_candidates", playbooks=playbooks, customers=customers)
    scores = day.chain.by("customer_id", "journey.risk_scores")
    assert scores["C002"]["overall_risk_score"] < 0.295 < scores["C002"]["decision_risk"]
    eligible = day.chain.rows("FROM journey.playbook_candidates WHERE customer_id = 'C002' AND is_eligible")
    assert [row["playbook_id"] for row in eligible] == ["PB_ONB_002"]
    before, after = (one.chain.by("customer_id", "journey.journey_evaluations")["C010"] for one in (sample, day))
    assert set(after["friction_reasons"]) - set(before["friction_reasons"]) == {"early_tenure_friction"}
    assert "early_tenure" in scores["C010"]["risk_factors"]
    assert scores["C010"]["friction_score"] > 0
    assert sample.found("journey.risk_scores", "distant_crm_tiers") == {"distant_crm_tiers": 1}
    assert day.found("journey.risk_scores", "distant_crm_tiers") == {"distant_crm_tiers": 2}


def test_trap_10_only_approved_or_exempt_is_executed(sample: Day, crooked: Day) -> None:
    """Trap 10: a missing approval takes outcome, cost, count and report with it.

    In the sample six are executed and three wait; I005 lapsed. In the crooked one I001 lapsed too; I900 is in the
    ledger besides, executed before the window. What was not done settles nothing: C006 is decided for in both, whatever
    I005 is recorded to have brought, and C001 again, as I001 did not answer its signals; that needs no approval.
    """
    fates = {
        name: row["is_executed"] for name, row in sample.chain.by("intervention_id", "journey.outcome_analyses").items()
    }
    assert [name for name, done in sorted(fates.items()) if name[:2] == "I0" and not done] == ["I005", "I008"]
    counts = ("total_interventions", "interventions_executed", "interventions_pending", "interventions_expired")
    assert [sample.summary[name] for name in counts] == [11, 6, 3, 1]
    assert [crooked.summary[name] for name in counts] == [13, 7, 3, 2]
    ledger = crooked.chain.by("intervention_id", "journey.outcome_analyses")
    ours = {row["customer_id"]: row for row in ledger.values() if row["origin"] == "decision"}
    assert {name: row["approval_status"] for name, row in ours.items()} == {
        "C001": "not_required",
        "C004": "pending",
        "C006": "pending",
        "C008": "pending",
    }
    done = {name for name, row in ledger.items() if row["is_executed"]}
    assert done == {"I002", "I003", "I004", "I006", "I007", "I900", ours["C001"]["intervention_id"]}
    for name, outcome in (("I001", "O001"), ("I005", "O005x")):
        assert (ledger[name]["approval_status"], ledger[name]["is_executed"]) == ("expired", False)
        assert ledger[name]["outcome_id"] == outcome
    # The 120 of I001 are gone; those of ours for C001 have come.
    assert crooked.amounts["playbook_cost"] == sample.amounts["playbook_cost"] - ledger["I001"]["expected_cost"] + 120
    assert (sample.amounts["playbook_cost"], ours["C001"]["expected_cost"]) == (695.0, 120.0)
    assert (sample.amounts["human_review_time"], crooked.amounts["human_review_time"]) == (50.0, 25.0)
    assert "- Waiting for approval: **3** " in sample.report
    assert sample.chain.rows("SELECT count(*) AS n FROM journey.pending_approvals") == [{"n": 3}]


def test_trap_11_nothing_approves_itself_by_default(sample: Day, unwatched: Day) -> None:
    """Trap 11: off by default; when on, history names the switch and no person, and no review is paid for."""
    assert load_policy().journey.approval.auto_approve_for_testing is False
    switch = "policy:auto_approve_for_testing"
    people = sample.chain.rows("SELECT DISTINCT decided_by FROM journey.approval_history ORDER BY ALL")
    assert people == [{"decided_by": "jonas.brandt"}, {"decided_by": "maria.keller"}]
    answers = unwatched.chain.by("intervention_id", "journey.approval_history")
    requests = unwatched.chain.by("intervention_id", "journey.approval_requests")
    # The switch approves requests made under it; those of the history are older, and I005 lapsed.
    assert {name for name, row in requests.items() if row["status"] != "approved"} == {"I005"}
    assert requests["I005"]["status"] == "expired"
    assert {name: row["decided_by"] for name, row in answers.items() if row["decided_by"] != switch} == {
        "I001": "maria.keller",
        "I004": "jonas.brandt",
    }
    assert answers.keys() == requests.keys() - {"I005"}
    assert len(answers) > 2
    assert unwatched.amounts["human_review_time"] == 50.0


def test_trap_12_the_same_rows_give_the_same_tables(compute: Compute, sample: Day) -> None:
    """Trap 12: neither the order of rows nor the number of threads nor the clock shows in any table."""

    def shuffled(rows: Rows) -> Rows:
        return random.Random(12).sample(rows, len(rows))

    datasets = ("customers", "journey_state_log", "signals", "interventions", "outcomes", "playbooks")
    day = compute(*ALL_OF_A_DAY, "coverage_gaps", **dict.fromkeys((*datasets, "approval_decisions"), shuffled))
    for table, stored in day.stored.items():
        assert not re.search(
            r"\b(now|today|random|uuid|current_\w+|get_current_\w+)\s*\(", stored.sql, re.IGNORECASE
        ), table
        assert not re.search(r"\bcurrent_(date|timestamp|time)\b", stored.sql, re.IGNORECASE), table
    names = [name for name in day.stored if name.startswith("journey.")]
    assert len(names) > 20
    for name in names:
        # The position of a row in its file depends on the order of the file, and nothing else does.
        kept = "COLUMNS(column_name -> column_name <> 'source_row')"
        one, other = (found.chain.rows(f"SELECT {kept} FROM {name} ORDER BY ALL") for found in (sample, day))
        assert one == other, name
    for name, stored in day.stored.items():
        if not name.startswith("audit."):
            columns = ", ".join(spec.name for spec in columns_of(day.chain.store.tables[_parts(name)].contract))
            query = f"SELECT {columns} FROM ({stored.sql}) ORDER BY ALL"
            assert _in_threads(day, 1, query) == _in_threads(day, 4, query), name
    lists = [value for row in day.chain.rows("FROM journey.recommended_interventions") for value in row.values()]
    assert all(value == sorted(value) for value in lists if isinstance(value, list))


def test_trap_12_a_half_is_rounded_away_from_zero(compute: Compute) -> None:
    """Trap 12: (0.50 + 0.65) / 2 is 0.575 and reads 0.58, though its binary neighbour is below; 0.145 reads 0.15."""
    halves = {0.575: 0.58, -0.575: -0.58, 0.145: 0.15, 2.675: 2.68, 1.005: 1.01}
    numbers = ibis.memtable({"value": list(halves)})
    found = numbers.select("value", read=rounded(numbers["value"], MONEY_DECIMALS)).to_pyarrow().to_pylist()
    assert {row["value"]: row["read"] for row in found} == halves
    cheap = {"avg_cost_estimate": 0.145, "expected_value_range": [0.5, 0.65]}
    nothing_learned: dict[str, Change] = dict.fromkeys(
        ("interventions", "outcomes", "approval_decisions"), lambda _: []
    )
    day = compute("playbook_candidates", playbooks=lambda rows: [row | cheap for row in rows], **nothing_learned)
    candidates = day.chain.rows("SELECT DISTINCT expected_cost, expected_value FROM journey.playbook_candidates")
    assert candidates == [{"expected_cost": 0.15, "expected_value": 0.58}]


def test_trap_13_one_fault_is_one_message(tmp_path: Path, policy: Policy, young: Day) -> None:
    """Trap 13: a missing file stops the run with one sentence, or is noted once; nothing reports success on it.

    The log of playbook performance is optional: its absence is neither an error nor a note.
    """
    data = tmp_path / "data"
    data.mkdir()
    write_rows(data, "customers", read_rows(SAMPLE / "journey", "customers"))
    write_rows(data, "playbooks", read_rows(SAMPLE / "journey", "playbooks"))
    with pytest.raises(InputError, match="journey_state_log") as stopped:
        computed_until(data, tmp_path / "archive", [DAY], policy, ("journey_states",))
    assert len(str(stopped.value).splitlines()) == 1
    noted = {name: row["note"] for name, row in young.chain.by("dataset", "audit.dataset_loads").items() if row["note"]}
    assert noted.keys() == {"interventions", "outcomes", "approval_decisions"}
    assert set(noted.values()) == {"no file: nothing is known of it"}
    assert young.report.count("no file: nothing is known of it") == 3
    assert "business value **not measurable**" in young.report


def test_trap_14_resolution_without_time_stays_without_time(crooked: Day) -> None:
    """Trap 14: O004 counts as an outcome and not in the mean: 7 (I003), 5 (I007) and 4 (I900) days, three of them."""
    assert crooked.chain.by("intervention_id", "journey.outcome_analyses")["I004"]["outcome"] == "resolved"
    mean = crooked.kpis["average_resolution_time_days"]
    assert (mean["numerator"], mean["n"]) == (16.0, 3)
    assert mean["value"] == pytest.approx(16 / 3, abs=1e-6)


def test_trap_15_infrastructure_cost_is_that_of_the_window(sample: Day, unwatched: Day) -> None:
    """Trap 15: 500 a month is 500 in 30 days and 250 in 15, on every day; a model without calls costs nothing."""
    assert (sample.amounts["infrastructure"], unwatched.amounts["infrastructure"]) == (500.0, 250.0)
    assert (sample.amounts["llm_usage"], unwatched.amounts["llm_usage"]) == (0.0, 0.0)


def test_trap_16_days_are_counted_and_reported_days_are_not_used(sample: Day, crooked: Day) -> None:
    """Trap 16: 999 reported days change the reported days and the check that compares them, nothing else."""
    for table in ("journey_states", "journey_evaluations", "risk_scores"):
        before, after = (one.chain.by("customer_id", f"journey.{table}") for one in (sample, crooked))
        for row in (*before.values(), *after.values()):
            row.pop("reported_days_in_state", None)
        if table == "risk_scores":
            # I001 lost its approval and settles the signals of C001 no more; I005 never settled those of C006.
            assert before["C001"].pop("decision_risk") < after["C001"].pop("decision_risk")
        assert before == after
    states = crooked.chain.by("customer_id", "journey.journey_states")
    assert (states["C007"]["days_in_state"], states["C007"]["reported_days_in_state"]) == (172, 999)
    assert crooked.found("journey.journey_states", "disagreeing_days") == {"disagreeing_days": 10}


def test_trap_17_the_report_on_the_data_counts_the_data(sample: Day, crooked: Day) -> None:
    """Trap 17: the report counts for each dataset what is in the file, the accepted rows and the quarantine."""
    for day, orphans, strong in ((sample, 1, 0), (crooked, 3, 1)):
        rejections = {"customer_id: unknown customer": orphans} | (
            {"signal_strength: above 1": strong} if strong else {}
        )
        figures = journey_figures(day.chain.store, DAY, day.policy)
        assert {row["rule"]: row["rejected_rows"] for row in figures.rejections} == rejections
        for load in figures.loads:
            name = load["dataset"]
            lookup = "state_entries" if name == "journey_state_log" else name
            places = (f"raw.{name}", f"journey.{lookup}", f"quarantine.{name}")
            counts = [day.chain.rows(f"SELECT count(*) AS n FROM {place}")[0]["n"] for place in places]
            assert [load["rows_read"], load["rows_accepted"], load["rows_rejected"]] == counts
        assert sum(load["rows_rejected"] for load in figures.loads) == orphans + strong
    assert "| signals | signals.json | 15 | 11 | 4 |" in crooked.report
    assert "| signals | signals.json | 12 | 11 | 1 |" in sample.report


def test_trap_19_everyone_at_risk_has_an_answer_or_reason(compute: Compute, sample: Day) -> None:
    """Trap 19: without a playbook for its stage the richest customer is a gap with a reason, not monitored only."""
    needy = sample.chain.rows(
        "SELECT customer_id FROM journey.risk_scores JOIN journey.journey_evaluations USING (as_of, customer_id) "
        "WHERE risk_tier IN ('high', 'medium') OR stage_health = 'critical'"
    )
    answered = sample.chain.by("customer_id", "journey.recommended_interventions").keys()
    missed = sample.chain.by("customer_id", "journey.coverage_gaps").keys()
    called = sample.chain.rows(
        "SELECT customer_id FROM journey.recommended_interventions WHERE recommended_action = 'escalate_to_person'"
    )
    assert answered & missed == {row["customer_id"] for row in called} == {"C008"}
    assert {row["customer_id"] for row in needy} <= answered | missed

    def customers(rows: Rows) -> Rows:
        rich = {"C005": {"account_value": 900000}}
        stageless = rows[0] | {"customer_id": "C011", "risk_tier": None}
        return [*(row | rich.get(row["customer_id"], {}) for row in rows), stageless]

    day = compute(
        "coverage_gaps",
        customers=customers,
        playbooks=lambda rows: [row for row in rows if row["journey_stage"] != "support"],
    )
    decisions = day.chain.by("customer_id", "journey.recommended_interventions")
    assert decisions["C005"]["recommended_action"] == decisions["C008"]["recommended_action"] == "escalate_to_person"
    assert "monitor_only" not in {decisions[name]["recommended_action"] for name in ("C005", "C008")}
    gaps = day.chain.by("customer_id", "journey.coverage_gaps")
    assert (gaps["C005"]["reason"], gaps["C005"]["nearest_playbook_id"]) == ("no_playbook_for_stage", None)
    assert gaps["C005"]["escalated_intervention_id"] == decisions["C005"]["intervention_id"]
    assert gaps["C005"]["account_value"] == max(row["account_value"] for row in gaps.values())
    assert gaps["C011"]["reason"] == "no_stage"
    assert (gaps["C003"]["reason"], gaps["C003"]["nearest_playbook_id"]) == ("risk_below_threshold", "PB_ENG_002")


def test_trap_19_the_best_customer_is_not_only_monitored(compute: Compute) -> None:
    """Trap 19: C002 on the 16th is unsure and would be monitored; worth 76,000, a person is called instead.

    0.2608 + 0.5 x 0.20 x (76,000 - 8,000) / 200,000 = 0.2948, so confidence 0.4948: still under 0.50.
    """
    day = date(2025, 1, 16)
    rich: Change = lambda rows: [  # noqa: E731
        row | ({"account_value": 76000} if row["customer_id"] == "C002" else {}) for row in rows
    ]
    closed: Change = lambda rows: [row for row in rows if row["intervention_id"] != "I002"]  # noqa: E731
    found = compute(
        "recommended_interventions", days=(day,), customers=rich, interventions=closed, outcomes=lambda _: []
    )
    decisions = found.chain.by("customer_id", "journey.recommended_interventions")
    assert decisions["C002"]["recommended_action"] == "escalate_to_person"
    assert "a_person_must_take_over" in decisions["C002"]["approval_reasons"]
    assert decisions["C006"]["recommended_action"] == "monitor_only"


def test_trap_20_a_forecast_counts_beside_signals(sample: Day) -> None:
    """Trap 20: it adds a tenth of itself to what decides, for those with signals as for those without."""
    forecasts = sample.chain.by("customer_id", "journey.journey_forecasts")
    parts = sample.chain.rows(
        "FROM journey.risk_contributions WHERE score = 'decision_risk' AND factor = 'churn_probability'"
    )
    assert {row["customer_id"] for row in parts} == forecasts.keys()
    for row in parts:
        churn = forecasts[row["customer_id"]]["churn_probability"]
        assert row["raw_value"] == churn > 0
        assert row["contribution"] == pytest.approx(0.10 * churn, abs=1e-9)
    assert sample.chain.by("customer_id", "journey.fused_signals")["C004"]["counted_signals"] == 2


def test_trap_21_revenue_at_risk_is_probability_times_value(sample: Day) -> None:
    """Trap 21: one definition, one column, one place: C004 0.071125 x 42,000 = 2,987.25."""
    values = {name: row["account_value"] for name, row in sample.chain.by("customer_id", "journey.customers").items()}
    forecasts = sample.chain.by("customer_id", "journey.journey_forecasts")
    assert forecasts["C004"]["revenue_at_risk"] == 2987.25
    for name, row in forecasts.items():
        assert row["revenue_at_risk"] == pytest.approx(row["churn_probability"] * values[name], abs=0.06)
    total = round(sum(row["revenue_at_risk"] for row in forecasts.values()), 2)
    columns = sample.chain.rows(
        "SELECT table_name FROM duckdb_columns() WHERE column_name = 'revenue_at_risk' ORDER BY table_name"
    )
    rollups = {"portfolio_by_segment", "portfolio_by_stage", "portfolio_cells", "portfolio_snapshots"}
    assert {row["table_name"] for row in columns} == rollups | {"journey_forecasts", "next_steps"}
    for name in rollups:
        assert sample.chain.rows(f"SELECT round(sum(revenue_at_risk), 2) AS total FROM journey.{name}") == [
            {"total": total}
        ]
    for step in sample.chain.rows("FROM journey.next_steps WHERE kind IN ('decide', 'close_gap')"):
        assert step["revenue_at_risk"] == forecasts[step["subject"]]["revenue_at_risk"]


def _text_of(family: str, name: str) -> str:
    [found] = (PROJECT / "cjo_assets_tests" / "unit" / "families" / family).rglob(name)
    return found.read_text(encoding="utf-8")


def test_traps_proved_beside_their_table_are_named_there() -> None:
    """A test that is moved or renamed leaves no trap unwatched."""
    for trap, place in BESIDE_THE_TABLE.items():
        assert re.search(rf"[Tt]raps?[ _](?:\d+(?:, | and ))*{trap}\b", _text_of("journey", place)), trap


def test_every_trap_of_marketing_is_named_by_tests_that_can_fail() -> None:
    """What names a trap is the docstring of a test, and that test asserts something."""
    assert list(MARKETING_TRAPS) == [*range(1, 21)]
    for trap, place in MARKETING_TRAPS.items():
        tree = ast.parse(_text_of("marketing", place))
        tests = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
        named = rf"\bTraps? (?:M\d+, )*M{trap}\b"
        proving = [test for test in tests if re.search(named, ast.get_docstring(test) or "")]
        assert proving, trap
        for test in proving:
            assert any(isinstance(node, ast.Assert) for node in ast.walk(test)), test.name


def test_trap_22_the_snapshot_is_of_this_run(sample: Day, young: Day) -> None:
    """Trap 22: ten customers in the data are ten in the summary and the report, nine are nine."""
    for day, customers in ((sample, 10), (young, 9)):
        assert day.summary["total_customers_analyzed"] == customers
        assert day.chain.rows("SELECT customers FROM journey.portfolio_snapshots") == [{"customers": customers}]
        assert day.chain.rows("SELECT count(*) AS n FROM journey.customers") == [{"n": customers}]
        assert f"of {customers} active; " in day.report
        tiers = [day.summary[f"customers_{tier}_risk"] for tier in ("high", "medium", "low")]
        assert sum(tiers) == customers


def test_trap_25_confidence_weighs_conflict_trust_and_completeness(sample: Day) -> None:
    """Trap 25: it is not risk + 0.2, and a first candidate that fails does not block the next.

    C004: (0.448493 + 0.2) x (1 - 0.5 x 0.423077) = 0.511312, its signals being at odds; C005 is known from manual
    sources alone: (0.480674 + 0.2) x 0.8 = 0.544539; of C009 nothing is known but an entry that should not be there.
    That the next candidate is tried is proved in `unit/families/journey/decision/test_playbook_candidates.py`.
    """
    candidates = sample.chain.rows("FROM journey.playbook_candidates")
    for row in candidates:
        certainty = min(1, row["decision_risk"] + 0.2)
        expected = certainty * (1 - 0.5 * row["conflict"]) * row["source_trust"] * row["completeness"]
        assert row["confidence"] == pytest.approx(expected, abs=1e-6)
    confidence = {row["customer_id"]: row["confidence"] for row in candidates}
    assert (confidence["C004"], confidence["C005"], confidence["C009"]) == (0.511312, 0.544539, 0.0)


def test_trap_26_an_approval_is_of_an_intervention(sample: Day) -> None:
    """Trap 26: I005 of C006 lapsed; the new decision for C006 waits. Each has an id, its signals and its day."""
    requests = sample.chain.by("intervention_id", "journey.approval_requests")
    statuses = {name: row["status"] for name, row in requests.items() if row["customer_id"] == "C006"}
    assert statuses.pop("I005") == "expired"
    assert list(statuses.values()) == ["pending"]
    for row in sample.chain.rows("FROM journey.recommended_interventions"):
        assert row["intervention_id"]
        assert row["need_id"]
        assert row["triggered_by_signals"] or row["recommended_action"] == "escalate_to_person"
        assert row["generated_at"] == DAY
        asked = requests.get(row["intervention_id"])
        assert (asked is not None) == row["requires_human_approval"]
        assert asked is None or asked["approval_reasons"] == row["approval_reasons"] != []


@pytest.mark.parametrize("dataset", ["customers", "journey_state_log", "playbooks"])
@pytest.mark.parametrize("content", [None, "[]", ""])
def test_trap_27_what_must_be_there_is_missed(
    dataset: str, content: str | None, sample_copy: Path, tmp_path: Path, policy: Policy
) -> None:
    """Trap 27: a required file that is absent or empty stops the run and is named."""
    path = sample_copy / "journey" / f"{dataset}.json"
    path.unlink() if content is None else path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=dataset):
        computed_until(sample_copy, tmp_path / "archive", [DAY], policy, ("customers",))


@pytest.mark.parametrize("content", [None, "[]", ""])
def test_trap_27_what_may_be_missing_is_noted(
    content: str | None, sample_copy: Path, tmp_path: Path, policy: Policy
) -> None:
    """Trap 27: without signals there is a run, a note and a check that warns."""
    path = sample_copy / "journey" / "signals.json"
    path.unlink() if content is None else path.write_text(content, encoding="utf-8")
    store, stored = computed_until(sample_copy, tmp_path / "archive", [DAY], policy, ("signals", "audit.dataset_loads"))
    note = "no file: nothing is known of it" if content is None else "the file holds no row"
    assert Chain(store).by("dataset", "audit.dataset_loads")["signals"]["note"] == note
    assert stored["journey.signals"].verdicts["is_present"].broken == {"is_present": 1}


def _signal(signal_id: str, customer_id: str, kind: str, strength: float) -> dict[str, Any]:
    return {
        "signal_id": signal_id,
        "customer_id": customer_id,
        "signal_type": kind,
        "signal_strength": strength,
        "detected_at": "2025-01-18",
        "journey_stage": None,
        "source": "automated",
    }


def _in_threads(day: Day, threads: int, query: str) -> Rows:
    day.chain.store.connection.execute(f"SET threads = {threads}")
    return day.chain.rows(query)


def _parts(name: str) -> tuple[str, str]:
    schema, _, table = name.partition(".")
    return schema, table


def _without(customer_id: str, rows: Rows) -> Rows:
    return [row for row in rows if row["customer_id"] != customer_id]
