"""Tests of overrides: a value of one segment changes that segment's customers only."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from cjo_assets.policy import NOT_OVERRIDABLE, OVERRIDABLE_SECTIONS, Policy, PolicyError
from cjo_assets_tests.support.chain import Chain, read_rows, write_rows
from cjo_assets_tests.support.probe import (
    SEGMENTS,
    Probe,
    Rows,
    as_if_the_same,
    computed_until,
    customer_of,
    default_content,
    has_customer,
    leaves,
    nested,
    policy_with,
    value_at,
)

DEFAULT = default_content()
LEAVES: dict[str, Any] = {
    path: value
    for section in OVERRIDABLE_SECTIONS
    for path, value in leaves(DEFAULT["journey"][section], section)
    if not path.startswith(tuple(NOT_OVERRIDABLE)) and not path.endswith("]")
}
# A list is turned as a whole.
LEAVES |= {
    path: value_at(DEFAULT["journey"], path) for path in ("approval.manager_tiers", "approval.sensitive_actions")
}

# The rule turns a leaf by itself: an integer doubles, another number halves. These need another value to be a policy.
EXCEPTIONS: dict[str, Any] = {
    "evaluation.critical_multiple": 3.0,
    "evaluation.untimed_multiple": 3.0,
    "risk.risk_tier_thresholds.high": 0.95,
    "risk.risk_tier_thresholds.low": 0.2,
    "risk.crm_tier_steps": 1,
    "approval.manager_tiers": ["high", "medium", "low"],
    "approval.manager_value": 5_000,
    "approval.manager_cost": 50,
    "approval.executive_cost": 100,
    "approval.two_people_cost": 100,
    "approval.sensitive_actions": ["executive_sponsor_call", "onboarding_call"],
    "fusion.signal_adjustments": {"usage_drop": 1.5},
}

# A day's budget and reviews are shared out among all customers: where they are scarce, what one segment uses is missing
# in another, as it must be. Here there is enough of both.
AMPLE = {"journey.contact.budget_per_run": 1_000_000.0, "journey.contact.review_capacity_per_day": 10_000}

# For these the segment's customers appear in a check result, not in a table.
SEEN_IN_A_CHECK = ("risk.crm_tier_steps", "signals.strong_signal_strength")

# The list of the policy gives the reason why each of these is refused.
REFUSED = {
    "evaluation.transitions": {"onboarding": ["support"]},
    "evaluation.re_entries": {"escalation": ["support"]},
    "approval.enable_hitl": False,
    "approval.auto_approve_for_testing": True,
    "approval.rejection_categories": ["other"],
    "approval.approvers": {"csm": ["ann"]},
    "fusion.use_normalized_strength": False,
    "fusion.use_risk_weight": True,
    "fusion.use_segment_adjustment": True,
    "recommendation.ranking": "roi_ratio",
    "contact.budget_per_run": 100.0,
    "contact.review_capacity_per_day": 1,
    "holdout.holdout_salt": "another",
    "kpis.kpi_warning_threshold": 0.9,
    "kpis.operational_kpi_targets.average_latency_ms": 100.0,
    "roi.window_days": 60,
    "reporting.report_rows": 5,
    "reporting.trend_days": 30,
}


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Probe]:
    """Return the probe, computed once."""
    folder = tmp_path_factory.mktemp("probe")
    computed = Probe(folder, policy_with(folder, AMPLE))
    yield computed
    computed.store.connection.close()


@pytest.fixture(scope="module")
def customers(probe: Probe) -> dict[str, str]:
    """Segment of every customer of the probe."""
    found = probe.store.connection.execute("SELECT customer_id, segment FROM journey.customers")
    return dict(found.fetchall())


def turned(path: str) -> Any:
    """Return another value for a leaf of the default policy."""
    if path in EXCEPTIONS:
        return EXCEPTIONS[path]
    value = LEAVES[path]
    return value * 2 if isinstance(value, int) else value / 2


def override(segment: str, changes: dict[str, Any]) -> dict[str, Any]:
    """Return a policy file's changes, by path, that give a segment numbers of its own."""
    return {"segment_overrides": {segment: nested({path.partition("[")[0]: value for path, value in changes.items()})}}


@pytest.mark.parametrize(
    ("path", "segment"), [(path, SEGMENTS[place % len(SEGMENTS)]) for place, path in enumerate(LEAVES)]
)
def test_an_override_changes_its_segment_alone(
    path: str, segment: str, probe: Probe, customers: dict[str, str], tmp_path: Path
) -> None:
    """Turn one leaf for one segment; in the first table that changes, only rows of that segment's customers do.

    The absence of leaks in later tables is tested with all leaves changed at once.
    """
    policy = as_if_the_same(policy_with(tmp_path, AMPLE | override(segment, {path: turned(path)})), probe.policy)
    changed: Rows = []
    for table in probe.ruled:
        if not changed and has_customer(table):
            changed = probe.changed_rows(table, policy)
    if path in SEEN_IN_A_CHECK:
        for table in probe.tables:
            for audit in table.checks:
                changed += probe.changed_offenders(table, audit, policy)
    assert {customers[row["customer_id"]] for row in changed} == {segment}


def test_overrides_of_a_segment_leave_other_segments_unchanged(
    probe: Probe, customers: dict[str, str], tmp_path: Path
) -> None:
    """The whole chain with every leaf of one segment changed: other segments are the same in each table."""
    segment = "Mid-Market"
    policy = policy_with(tmp_path, AMPLE | override(segment, {path: turned(path) for path in LEAVES}))
    other = Probe(tmp_path, as_if_the_same(policy, probe.policy))
    unlike = []
    for table in probe.tables:
        if has_customer(table):
            before, after = (_rows_of_others(one, table.full_name, customers, segment) for one in (probe, other))
            assert before == after, table.full_name
            own_before, own_after = (_rows_of(one, table.full_name, customers, segment) for one in (probe, other))
            unlike += [table.name] if own_before != own_after else []
    expected = {
        "aggregated_signals",
        "journey_evaluations",
        "risk_scores",
        "risk_contributions",
        "playbook_candidates",
        "recommended_interventions",
        "coverage_gaps",
        "approval_requests",
        "outcome_analyses",
    }
    assert expected <= set(unlike)


def test_longer_onboarding_is_tolerated_for_enterprise_customers(
    sample_copy: Path, policy: Policy, tmp_path: Path
) -> None:
    """The seed's own example, by hand: twenty days in onboarding are too long for SMB, and fine for Enterprise.

    C001 (SMB) and C007 (Enterprise) both entered onboarding on 2025-01-01 and are there on 2025-01-21, twenty days
    later: above 14, below 1.5 x 14 = 21 and below 30. C001 has two negative signals and three months of tenure besides;
    C007 has 36 months and one positive signal, so that only the duration can count against it.
    """
    journey = sample_copy / "journey"
    entries = [row for row in read_rows(journey, "journey_state_log") if row["customer_id"] != "C007"]
    entries.append(
        {
            "customer_id": "C007",
            "journey_stage": "onboarding",
            "state_entered_at": "2025-01-01",
            "days_in_state": 20,
            "previous_stage": None,
        }
    )
    write_rows(journey, "journey_state_log", entries)
    day = date(2025, 1, 21)
    longer = policy_with(
        tmp_path, override("Enterprise", {"evaluation.friction_thresholds.onboarding_exceeded_days": 30})
    )
    before, after = (_evaluations(sample_copy, tmp_path / "archive", day, rules) for rules in (policy, longer))
    too_long = "exceeded_typical_onboarding_duration"
    assert (before["C007"]["days_in_state"], before["C001"]["days_in_state"]) == (20, 20)
    assert (before["C007"]["friction_reasons"], before["C007"]["stage_health"]) == ([too_long], "at_risk")
    assert (after["C007"]["friction_reasons"], after["C007"]["stage_health"]) == ([], "healthy")
    assert before["C001"]["friction_reasons"] == ["early_tenure_friction", too_long, "multiple_negative_signals"]
    assert {name: row for name, row in after.items() if name != "C007"} == {
        name: row for name, row in before.items() if name != "C007"
    }


def test_segment_may_have_a_threshold_that_others_lack(probe: Probe, customers: dict[str, str], tmp_path: Path) -> None:
    """Retention has no friction threshold: one of 50 days for a segment makes 60 days at risk and 160 critical."""
    segment = "SMB"
    policy = policy_with(
        tmp_path, AMPLE | override(segment, {"evaluation.friction_thresholds.retention_exceeded_days": 50})
    )
    table = next(table for table in probe.ruled if table.name == "journey_evaluations")
    changed = [
        row for row in probe.changed_rows(table, policy) if row["customer_id"] == customer_of("ret_long", segment)
    ]
    assert sorted(row["stage_health"] for row in changed) == ["at_risk", "critical"]
    assert {customers[row["customer_id"]] for row in probe.changed_rows(table, policy)} == {segment}


@pytest.mark.parametrize("path", REFUSED)
def test_a_value_without_overrides_is_refused_by_its_path(path: str, tmp_path: Path) -> None:
    """A switch, the stage order, or a number about all customers together cannot be one segment's own."""
    with pytest.raises(PolicyError, match=rf"segment_overrides\.Enterprise\.{path}"):
        policy_with(tmp_path, override("Enterprise", {path: REFUSED[path]}))


def test_every_refusal_of_the_policy_is_tested() -> None:
    """A new entry of the policy's list needs a test."""
    assert NOT_OVERRIDABLE.keys() <= REFUSED.keys()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("evaluation.critical_mulitple", 2.0),
        ("evaluation.critical_multiple", "often"),
        ("risk.risk_tier_thresholds.high", 0.1),
        ("evaluation.typical_stage_durations.onbording", 30),
        ("evaluation.friction_thresholds.onbording_exceeded_days", 30),
        ("signals.signal_aggregation_weights.complaint_on_paper", 0.3),
        ("signals.source_trust.partner", 0.5),
        ("risk.time_in_state_stage_weights.onbording", 0.5),
    ],
)
def test_override_without_a_reader_is_refused_by_its_path(path: str, value: Any, tmp_path: Path) -> None:
    """A slip of the pen is an error that names the place, never a number without effect."""
    with pytest.raises(PolicyError, match=rf"segment_overrides\.Enterprise.*{path.rpartition('.')[0]}"):
        policy_with(tmp_path, override("Enterprise", {path: value}))


def test_the_trust_of_a_segment_also_decides_among_rivals(sample_copy: Path, tmp_path: Path) -> None:
    """Of two signals of a customer, type and day the one stays that this customer's segment trusts more."""
    journey = sample_copy / "journey"
    day = date(2025, 1, 16)
    rivals = [
        _signal(f"{source}-{customer_id}", customer_id, source, day - timedelta(days=1))
        for customer_id in ("C007", "C010")
        for source in ("automated", "manual")
    ]
    write_rows(journey, "signals", [*read_rows(journey, "signals"), *rivals])
    trusting = policy_with(tmp_path, override("Enterprise", {"signals.source_trust.automated": 0.5}))
    store, _ = computed_until(sample_copy, tmp_path / "archive", [day], trusting, ("signals",))
    kept = Chain(store).by("signal_id", "journey.signals")
    assert {name for name in kept if "-" in name} == {"manual-C007", "automated-C010"}


def _evaluations(data: Path, archive: Path, day: date, policy: Policy) -> dict[str, dict[str, Any]]:
    store, _ = computed_until(data, archive, [day], policy, ("journey_evaluations",))
    return Chain(store).by("customer_id", "journey.journey_evaluations")


def _signal(signal_id: str, customer_id: str, source: str, day: date) -> dict[str, Any]:
    return {
        "signal_id": signal_id,
        "customer_id": customer_id,
        "signal_type": "usage_drop",
        "signal_strength": 0.6,
        "detected_at": day.isoformat(),
        "journey_stage": None,
        "source": source,
    }


def _rows_of(probe: Probe, table: str, customers: dict[str, str], segment: str) -> list[str]:
    return sorted(text for customer, text in _texts(probe, table) if customers.get(customer) == segment)


def _rows_of_others(probe: Probe, table: str, customers: dict[str, str], segment: str) -> list[str]:
    return sorted(text for customer, text in _texts(probe, table) if customers.get(customer) != segment)


def _texts(probe: Probe, table: str) -> list[tuple[str, str]]:
    found = probe.store.connection.execute(f"FROM {table}")
    place = [column[0] for column in found.description].index("customer_id")
    return [(row[place], repr(row)) for row in found.fetchall()]
