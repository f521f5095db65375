"""Tests of metrics of groups of customers against their baselines, on four customers that can be followed by hand."""

import math
from typing import Any

import ibis
import numpy as np
import pyarrow
import pytest

from cjo_assets.families.journey.inputs.baseline_metrics import METRICS, BaselineMetrics
from cjo_assets.families.journey.inputs.customers import Customers
from cjo_assets.families.journey.inputs.state_entries import StateEntries
from cjo_assets.families.journey.interventions.intervention_ledger import InterventionLedger
from cjo_assets.families.journey.value._care import care_of_customers
from cjo_assets.families.journey.value.baseline_comparisons import (
    SUMS,
    BaselineComparisons,
    baseline_comparisons,
    preferred,
    ratios_that_are_not_their_quotient,
    sums_of_groups,
    with_ratio,
)
from cjo_assets.policy import Policy
from cjo_assets_tests.support.rows import (
    BACKEND,
    DAY,
    POLICY,
    Row,
    Rows,
    as_of,
    by,
    day,
    kept,
    made_of,
    policy_with,
    rows_of,
    table_of,
)

Z = 1.6448536269514722


def rules(**changes: Any) -> Policy:
    """Return a policy of short days: measured in the 30 that end with D, a baseline of the 30 from D - 89 on."""
    short: dict[str, Any] = {
        "journey__kpis__measurement_days": 30,
        "journey__kpis__issue_days": 5,
        "journey__kpis__baseline_period": {"start": day(-89), "end": day(-60)},
        "journey__learning__minimum_per_arm": 2,
        "journey__kpis__minimum_events": 1,
        "journey__roi__window_days": 10,
    }
    return policy_with(**short | changes)


def way(customer: str, *steps: tuple[int, str]) -> Rows:
    """Return the entries of a customer: the day of each from D, and the stage."""
    return [
        {"customer_id": customer, "journey_stage": stage, "state_entered_at": day(offset)} for offset, stage in steps
    ]


def decision(customer: str, offset: int, is_held_out: bool, **cells: Any) -> Row:
    """Return a decision of ours."""
    key = {"intervention_id": f"{customer} {offset}", "customer_id": customer, "generated_at": day(offset)}
    return key | {"origin": "decision", "playbook_id": "P", "is_held_out": is_held_out} | cells


VALUES = {"A": 100, "B": 300, "C": 100, "D": 300}
CUSTOMERS: Rows = [{"customer_id": name, "account_value": value} for name, value in VALUES.items()]
# A is 8 days in support and back too late; B was 3 days there in the baseline and back in time, comes again, moves
# to escalation for 5 days and leaves on D; C and D have a quiet life, as far as is known on D.
LOG: Rows = [
    *way("A", (-200, "engagement"), (-20, "support"), (-12, "retention")),
    *way("B", (-200, "engagement"), (-70, "support"), (-67, "engagement"), (-8, "support"), (-5, "escalation")),
    *way("B", (0, "churned")),
    *way("C", (-100, "engagement")),
    *way("D", (-100, "engagement"), (1, "churned")),
]
DECISIONS: Rows = [
    decision("A", -25, False),
    # The first decision determines the arm of a customer.
    decision("A", -3, True),
    decision("B", -25, True),
    decision("C", -40, False),
    decision("D", -25, True),
    # Neither the history nor a call for a person is of the experiment.
    decision("C", -80, True, origin="history"),
    decision("D", -90, False, playbook_id=None),
]
MEASURED_MONTHS, BEFORE_MONTHS = (30 + 29 + 30 + 30) / 30, 120 / 30
# Days from the one after the decision: A 25, C 30 (the measured ones begin later); B 24, D 25.
TREATED_MONTHS, HELD_OUT_MONTHS = 55 / 30, 49 / 30


def compare(
    log: Rows = LOG, decisions: Rows = DECISIONS, supplied: Rows | None = None, policy: Policy | None = None
) -> dict[tuple[str, str], Row]:
    """Return the comparisons by metric and baseline."""
    policy = policy or rules()
    found = baseline_comparisons(
        table_of(Customers, CUSTOMERS),
        table_of(StateEntries, log),
        table_of(InterventionLedger, decisions),
        table_of(BaselineMetrics, supplied or []),
        as_of(),
        policy,
    )
    rows = kept(BaselineComparisons, found, policy=policy)
    assert rows_of(ratios_that_are_not_their_quotient(table_of(BaselineComparisons, rows))) == []
    return by(("metric", "baseline"), rows)


def test_every_metric_of_every_group_by_hand() -> None:
    rows = compare()
    assert set(rows) == {(metric, name) for metric in METRICS for name in ("held_out", "baseline_period", "supplied")}
    months = MEASURED_MONTHS
    measured = {
        "churn_rate": (1 / months, 4),
        # 300 lost of 100 and 300 for 30, 29, 30 and 30 days.
        "value_churn_rate": (300 / ((100 * 30 + 300 * 29 + 100 * 30 + 300 * 30) / 30), 4),
        "escalation_rate": (1 / months, 4),
        "escalation_days": (5 / months, 4),
        "unresolved_issue_share": (2 / 2, 2),
        # From support to escalation it is one case: 8 and 3 days in two cases.
        "days_per_support_case": (11 / 2, 2),
        "support_days": (11 / months, 4),
    }
    for metric, (value, customers) in measured.items():
        row = rows[metric, "baseline_period"]
        assert (row["value"], row["customers"]) == (pytest.approx(value, abs=1e-6), customers), metric
    before = rows["support_days", "baseline_period"]
    assert (before["baseline_value"], before["baseline_customers"]) == (3 / BEFORE_MONTHS, 4)
    assert before["ratio"] == pytest.approx(11 / months / (3 / BEFORE_MONTHS), abs=1e-5)
    assert (before["baseline_from"], before["baseline_until"]) == (day(-89), day(-60))
    assert (before["measured_from"], before["measured_until"]) == (day(-29), DAY)
    chance = rows["support_days", "held_out"]
    sides = (chance["value"], chance["baseline_value"])
    assert sides == pytest.approx((8 / TREATED_MONTHS, 3 / HELD_OUT_MONTHS), abs=1e-6)
    assert (chance["customers"], chance["baseline_customers"]) == (2, 2)
    assert (chance["evidence_grade"], before["evidence_grade"]) == ("randomised", "before_after")
    # Ten days of A and C, in months; of all customers one case was opened in them, and 39 days were lived.
    assert chance["window_exposure"] == pytest.approx(20 / 30, abs=1e-6)
    assert before["window_exposure"] == pytest.approx(39 / 30, abs=1e-6)
    assert rows["days_per_support_case", "baseline_period"]["window_exposure"] == 1.0


def test_an_interval_is_that_of_customers_who_differ() -> None:
    """The residuals of the four customers on either side, one more that is off by the mean, and logarithms."""
    row = compare()["support_days", "baseline_period"]
    now = [(8, 30), (3, 29), (0, 30), (0, 30)]
    before = [(0, 30), (3, 30), (0, 30), (0, 30)]

    def relative_variance(side: list[tuple[int, int]]) -> float:
        total = sum(days for days, _ in side)
        ratio = total / sum(lived for _, lived in side)
        return sum((days - ratio * lived) ** 2 for days, lived in side) / total**2 + 1 / len(side) ** 2

    spread = Z * math.sqrt(relative_variance(now) + relative_variance(before))
    ends = [row["ratio"] * math.exp(-spread), row["ratio"] * math.exp(spread)]
    assert [row["ratio_low"], row["ratio_high"]] == pytest.approx(ends, abs=1e-4)


def test_nine_of_ten_intervals_hold_the_truth() -> None:
    """Four hundred pairs of groups whose customers differ from each other, at a true ratio of 0.7, read once each.

    A customer's own rate is drawn first, so events of one customer come together: intervals for single events would be
    too narrow. With 400 pairs 84 to 96 % is four standard errors to either side.
    """
    pairs, people, truth = 400, 150, 0.7
    chance = np.random.default_rng(20250120)
    sides = []
    for name, rate in (("now", 0.3 * truth), ("before", 0.3)):
        days = chance.integers(20, 91, size=(pairs, people))
        own = chance.gamma(1.0, rate, size=(pairs, people))
        sides.append((name, days, chance.poisson(own * days / 30)))
    counted = {
        "group": [f"{name} {pair}" for name, *_ in sides for pair in range(pairs) for _ in range(people)],
        "days": np.concatenate([days.ravel() for _, days, _ in sides]),
        "escalations": np.concatenate([events.ravel() for *_, events in sides]),
    }
    zeros = np.zeros(2 * pairs * people, dtype=np.int64)
    others = ("departures", "escalation_days", "support_days", "cases", "issues", "unresolved")
    care = counted | dict.fromkeys((*others, "window_days", "window_cases"), zeros) | {"account_value": zeros + 1.0}
    kinds = {name: "string" if name == "group" else "int64" for name in care} | {"account_value": "float64"}
    table = BACKEND.create_table("care", pyarrow.table(care), schema=ibis.schema(kinds), temp=True)
    sums = sums_of_groups(table)
    sums = sums.filter(sums.metric == "escalation_rate").mutate(pair=sums.group.split(" ")[1])
    now = sums.filter(sums.group.startswith("now"))
    before = sums.filter(sums.group.startswith("before"))
    before = before.select("pair", **{f"baseline_{name}": name for name in ("customers", *SUMS)})
    rows = now.join(before, "pair").mutate(
        baseline=ibis.literal("held_out"),
        evidence_grade=ibis.literal("randomised"),
        unit=ibis.literal("escalations"),
        records=ibis.null("int64"),
        supplied_value=ibis.null("float64"),
        measured_from=ibis.literal(DAY, "date"),
        measured_until=ibis.literal(DAY, "date"),
        **{name: ibis.null("date") for name in ("period_from", "period_until", "supplied_from", "supplied_until")},
    )
    found = rows_of(with_ratio(rows, rules()).select("ratio", "ratio_low", "ratio_high"))
    assert len(found) == pairs
    held = sum(row["ratio_low"] <= truth <= row["ratio_high"] for row in found) / pairs
    assert 0.84 <= held <= 0.96
    assert sum(row["ratio"] for row in found) / pairs == pytest.approx(truth, abs=0.03)


def test_a_missing_comparison_names_what_is_missing() -> None:
    rows = compare()
    # No departure before: there is nothing to reduce. No departure outside the holdout: that is no reduction yet.
    nothing = rows["churn_rate", "baseline_period"]
    assert (nothing["status"], nothing["ratio"], nothing["baseline_value"]) == ("not_measurable", None, 0.0)
    assert nothing["note"] == "the baseline is 0: there is nothing to reduce"
    none = rows["churn_rate", "held_out"]
    assert (none["status"], none["ratio"], none["value"]) == ("not_measurable", None, 0.0)
    assert (none["note"], none["events"], none["baseline_events"]) == ("fewer than 1 events on a side", 0, 1)
    # A departure is of a customer outside the holdout in at most 95 % of the exposure: 55 of 104 customer-days.
    assert (none["ratio_low"], none["ratio_high"]) == (0.0, pytest.approx(0.95 / 0.05 * 49 / 55, abs=1e-6))
    # One customer had a case in the baseline.
    assert rows["days_per_support_case", "baseline_period"]["note"] == "fewer than 2 customers on a side"
    assert rows["churn_rate", "supplied"]["note"] == "no row of it in the dataset baseline_metrics"
    three = compare(policy=rules(journey__learning__minimum_per_arm=3))
    assert {row["status"] for (_, name), row in three.items() if name == "held_out"} == {"not_measurable"}
    # A baseline period that the measured days reach back into is none.
    for period in ({"start": None, "end": None}, {"start": day(-89), "end": day(-29)}):
        row = compare(policy=rules(journey__kpis__baseline_period=period))["support_days", "baseline_period"]
        assert (row["status"], row["baseline_value"], row["baseline_from"]) == ("not_measurable", None, None)
        assert row["note"].startswith("the policy names no baseline period")
    # No customers at all.
    empty = compare(log=[], decisions=[])
    assert {row["status"] for row in empty.values()} == {"not_measurable"}
    assert {row["value"] for row in empty.values()} == {None}


def test_a_supplied_baseline_counts_from_its_last_day() -> None:
    dates = {"measured_from": day(-400), "measured_until": day(-200)}
    supplied: Rows = [
        {"metric": "churn_rate", "value": 0.5, "records": None} | dates,
        {"metric": "escalation_rate", "value": 0.1, "records": 4} | dates,
        {"metric": "support_days", "value": 9.0} | dates | {"measured_until": day(1)},
    ]
    rows = compare(supplied=supplied)
    churn, escalation = rows["churn_rate", "supplied"], rows["escalation_rate", "supplied"]
    assert churn["ratio"] == pytest.approx(1 / MEASURED_MONTHS / 0.5, abs=1e-5)
    assert (churn["ratio_low"], churn["status"]) == (None, "measured")
    assert (churn["baseline_from"], churn["baseline_until"], churn["baseline_customers"]) == (day(-400), day(-200), 0)
    # It is worse than before, and the ratio shows it.
    assert escalation["ratio"] == pytest.approx(1 / MEASURED_MONTHS / 0.1, abs=1e-5)
    assert escalation["ratio_low"] < escalation["ratio"] < escalation["ratio_high"]
    assert rows["support_days", "supplied"]["status"] == "not_measurable"
    assert (churn["events"], churn["baseline_events"], escalation["baseline_events"]) == (1, None, 4)
    # Where few are measured, no departure among them is no evidence.
    few = compare(supplied=supplied, policy=rules(journey__learning__minimum_per_arm=5))["churn_rate", "supplied"]
    assert (few["status"], few["ratio"], few["note"]) == ("not_measurable", None, "fewer than 5 customers on a side")


def test_strongest_comparable_baseline_is_preferred() -> None:
    dates = {"measured_from": day(-400), "measured_until": day(-200)}
    supplied: Rows = [{"metric": metric, "value": 1.0} | dates for metric in METRICS]
    rows = list(compare(supplied=supplied).values())
    chosen = by("metric", rows_of(preferred(table_of(BaselineComparisons, rows))))
    assert {metric: row["baseline"] for metric, row in chosen.items()} == {
        # No departure or escalation outside the holdout.
        "churn_rate": "supplied",
        "value_churn_rate": "supplied",
        "escalation_rate": "supplied",
        "escalation_days": "supplied",
        "support_days": "held_out",
        # One customer with a case is in each arm, and one in the baseline.
        "unresolved_issue_share": "supplied",
        "days_per_support_case": "supplied",
    }


def test_few_events_are_no_reduction_whatever_the_rates() -> None:
    """Forty customers for ninety days without departure or escalation, against 0.01 and 0.005 a month before.

    No departure in 120 customer-months happens in 30 % of cases where 0.01 leave, and in 5 % where 0.025 do: the exact
    interval reaches from no departure at all to two and a half times as many.
    """
    customers: Rows = [{"customer_id": f"C{number:02}"} for number in range(40)]
    log = [step for row in customers for step in way(row["customer_id"], (-200, "engagement"))]
    dates = {"measured_from": day(-400), "measured_until": day(-200)}
    supplied: Rows = [
        {"metric": "churn_rate", "value": 0.01, "records": None} | dates,
        {"metric": "escalation_rate", "value": 0.005, "records": 3} | dates,
    ]
    found = baseline_comparisons(
        table_of(Customers, customers),
        table_of(StateEntries, log),
        table_of(InterventionLedger, []),
        table_of(BaselineMetrics, supplied),
        as_of(),
        POLICY,
    )
    rows = by(("metric", "baseline"), kept(BaselineComparisons, found))
    churn, escalation = rows["churn_rate", "supplied"], rows["escalation_rate", "supplied"]
    for row in (churn, escalation):
        assert (row["value"], row["customers"], row["events"]) == (0.0, 40, 0.0)
        assert (row["status"], row["ratio"]) == ("not_measurable", None)
        assert row["note"] == "fewer than 5 events on a side"
    most = -math.log(0.05) / (40 * 90 / 30)
    assert (churn["ratio_low"], churn["ratio_high"]) == (0.0, pytest.approx(most / 0.01, abs=1e-6))
    # Three in 3 / 0.005 = 600 months before, none in 120 now: (1 - share) ** 3 = 0.05.
    share = 1 - 0.05 ** (1 / 3)
    assert (escalation["ratio_low"], escalation["ratio_high"]) == (
        0.0,
        pytest.approx(share / (1 - share) * 600 / 120, abs=1e-6),
    )


def test_events_are_the_customers_behind_what_was_counted() -> None:
    """Six escalations of one customer are one event; of three customers with one, two and three of them 36 / 14."""
    counted = {"one": [6], "three": [1, 2, 3], "six": [1] * 6}
    others = ("departures", "escalation_days", "support_days", "cases", "issues", "unresolved")
    care: Rows = [
        {"group": group, "days": 30, "escalations": number, "account_value": 1.0}
        | dict.fromkeys((*others, "window_days", "window_cases"), 0)
        for group, numbers in counted.items()
        for number in [*numbers, 0, 0]
    ]
    kinds = dict.fromkeys(care[0], "int64") | {"group": "string", "account_value": "float64"}
    sums = sums_of_groups(made_of(care, ibis.schema(kinds)))
    sums = sums.filter(sums.metric == "escalation_rate")
    events = rows_of(sums.select("group", events=sums.over**2 / sums.over_over))
    assert {row["group"]: row["events"] for row in events} == {
        "one": pytest.approx(1.0),
        "three": pytest.approx(36 / 14),
        "six": pytest.approx(6.0),
    }


@pytest.mark.parametrize(("treated", "held_out", "rate"), [(570, 30, 0.03), (1900, 100, 0.03), (570, 30, 0.01)])
def test_a_programme_that_does_nothing_seldom_reduces_churn(treated: int, held_out: int, rate: float) -> None:
    """1,500 programmes without effect: at most 5 % may keep the target of 10 %, and intervals hold in 90 %.

    By the point estimate alone, with the events there are, some 40 % would exceed it.
    """
    programmes, chance = 1500, np.random.default_rng(3)
    sides = {"": treated, "baseline_": held_out}
    columns: dict[str, Any] = {}
    for prefix, customers in sides.items():
        in_care = chance.integers(10, 91, (programmes, customers))
        leaving = chance.exponential(30 / rate, (programmes, customers))
        left = (leaving < in_care).astype(float)
        days = np.where(left > 0, np.ceil(leaving), in_care)
        pairs = {"over": left * 30, "under": days}
        columns |= {f"{prefix}{name}": side.sum(1) for name, side in pairs.items()}
        columns |= {
            f"{prefix}{one}_{other}": (pairs[one] * pairs[other]).sum(1)
            for one, other in (("over", "over"), ("over", "under"), ("under", "under"))
        }
        columns[f"{prefix}customers"] = np.full(programmes, customers)
    rows = BACKEND.create_table(ibis.util.gen_name("programmes"), pyarrow.table(columns), temp=True).mutate(
        metric=ibis.literal("churn_rate"),
        baseline=ibis.literal("held_out"),
        evidence_grade=ibis.literal("randomised"),
        unit=ibis.literal("departures"),
        records=ibis.null("int64"),
        supplied_value=ibis.null("float64"),
        window_exposure=ibis.literal(1.0),
        measured_from=ibis.literal(DAY, "date"),
        measured_until=ibis.literal(DAY, "date"),
        **{name: ibis.null("date") for name in ("period_from", "period_until", "supplied_from", "supplied_until")},
    )
    found = rows_of(with_ratio(rows, POLICY).select("status", "ratio", "ratio_low", "ratio_high"))
    measured = [row for row in found if row["status"] == "measured"]
    assert sum(1 - row["ratio_high"] >= 0.10 for row in measured) <= 0.05 * programmes
    assert all(row["ratio_low"] <= row["ratio"] <= row["ratio_high"] for row in measured)
    # An end that does not exist leaves nothing out.
    stated = [row for row in found if row["ratio_low"] is not None]
    held = sum(row["ratio_low"] <= 1 and (row["ratio_high"] is None or row["ratio_high"] >= 1) for row in stated)
    assert held >= 0.90 * len(stated)


@pytest.fixture(scope="module")
def issues() -> dict[str, Row]:
    """Return what is counted of customers with one kind of issue each; five days are given to settle one."""
    log = [
        *way("settled on the last day", (-20, "support"), (-15, "retention")),
        *way("settled too late", (-20, "support"), (-14, "retention")),
        *way("settled and back", (-20, "support"), (-18, "retention"), (-15, "support"), (-14, "engagement")),
        *way("escalated, then settled", (-20, "support"), (-18, "escalation"), (-16, "retention")),
        *way("left", (-20, "support"), (-18, "churned")),
        *way("due on D", (-5, "support")),
        *way("not due yet", (-4, "support")),
        *way("two entries of a day", (-20, "onboarding"), (-20, "engagement"), (-20, "support"), (-16, "retention")),
        *way("before", (-30, "support"), (-29, "retention")),
    ]
    people: Rows = [{"customer_id": name} for name in sorted({row["customer_id"] for row in log})]
    found = care_of_customers(
        table_of(Customers, people), table_of(StateEntries, log), table_of(InterventionLedger, []), as_of(), rules()
    )
    return by("customer_id", rows_of(found.filter(found.group == "everybody")))


def test_when_an_issue_is_unresolved(issues: dict[str, Row]) -> None:
    counted = {name: (row["cases"], row["issues"], row["unresolved"]) for name, row in issues.items()}
    assert counted == {
        "settled on the last day": (1, 1, 0),
        "settled too late": (1, 1, 1),
        # Back on the fifth day: the first is unresolved, the second was settled the next day.
        "settled and back": (2, 2, 1),
        "escalated, then settled": (1, 1, 0),
        "left": (1, 1, 1),
        "due on D": (1, 1, 1),
        "not due yet": (1, 0, 0),
        "two entries of a day": (1, 1, 0),
        # Opened on the day before the measured ones; what is lived of it in them counts.
        "before": (0, 0, 0),
    }


def test_days_are_those_lived_in_the_measured_days(issues: dict[str, Row]) -> None:
    lived = {name: (row["days"], row["support_days"], row["escalation_days"]) for name, row in issues.items()}
    assert lived["settled too late"] == (21, 6, 0)
    assert lived["escalated, then settled"] == (21, 2, 2)
    assert lived["left"] == (2, 2, 0)
    assert lived["two entries of a day"] == (21, 4, 0)
    assert lived["before"] == (30, 0, 0)


def test_ratios_that_are_not_their_quotient_are_found() -> None:
    right = {"value": 0.3, "baseline_value": 0.5, "ratio": 0.6, "ratio_low": 0.4, "ratio_high": 0.9}
    faults: Rows = [{"ratio": 0.61}, {"baseline_value": 0.6}, {"ratio_low": 0.7}, {"ratio_high": 0.5}]
    for fault in ({}, *faults):
        found = rows_of(ratios_that_are_not_their_quotient(table_of(BaselineComparisons, [right | fault])))
        assert len(found) == (1 if fault else 0), fault
