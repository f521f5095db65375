"""Tests of the decomposition of score changes, by hand and on real data."""

from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from cjo_assets.audit.replay.scratch import Scratch, scratch
from cjo_assets.audit.score_changes.answer import of_customer, sentence
from cjo_assets.audit.score_changes.compute import CHANGES, by_segment, explain, factors_of
from cjo_assets.cli.app import app
from cjo_assets.core.contract import schema_of
from cjo_assets.families.journey.questions.risk_changes import (
    CAUSES,
    STATES,
    RiskChanges,
    parts_that_do_not_sum,
    risk_changes,
)
from cjo_assets.families.journey.risk.risk_contributions import RiskContributions
from cjo_assets.families.journey.risk.risk_scores import RiskScores
from cjo_assets_tests.support.catalog import PAST_STATEMENTS
from cjo_assets_tests.support.rows import Row, Rows, by, kept, made_of, rows_of, table_of
from cjo_assets_tests.support.warehouse import TOUR_DAYS, Home

# Overall and decision risk of customers in each state.
SCORES: dict[str, dict[str, tuple[float, float]]] = {
    "start": {"moves": (0.40, 0.30), "loses its stage": (0.50, 0.40), "left": (0.2, 0.2)},
    "start_now": {"moves": (0.41, 0.30), "loses its stage": (0.50, 0.40), "left": (0.2, 0.2)},
    "timed": {"moves": (0.45, 0.33), "loses its stage": (0.55, 0.42), "left": (0.2, 0.2)},
    "dated": {"moves": (0.60, 0.43), "loses its stage": (0.30, 0.20), "came": (0.1, 0.1)},
    "end_now": {"moves": (0.57, 0.40), "loses its stage": (0.30, 0.20), "came": (0.1, 0.1)},
    "end": {"moves": (0.59, 0.40), "loses its stage": (0.30, 0.20), "came": (0.1, 0.1)},
}
# What the stage is made of: contributions of time to overall, friction and churn, and the weights of scores in others.
WITH_STAGE: Rows = [
    {"score": "overall_risk_score", "factor": "time_in_state", "raw_value": 20.0, "contribution": 0.20},
    {"score": "friction_score", "factor": "time_in_state", "raw_value": 20.0, "contribution": 0.50},
    {"score": "churn_risk_score", "factor": "time_in_state", "raw_value": 20.0, "contribution": 0.10},
    {"score": "churn_risk_score", "factor": "friction_score", "raw_value": 0.9, "weight": 0.3, "contribution": 0.27},
    {"score": "decision_risk", "factor": "overall_risk_score", "raw_value": 0.5, "weight": 0.5, "contribution": 0.25},
    {"score": "decision_risk", "factor": "churn_risk_score", "raw_value": 0.4, "weight": 0.25, "contribution": 0.1},
    {"score": "decision_risk", "factor": "churn_probability", "raw_value": 0.1, "weight": 0.1, "contribution": 0.01},
]
GONE = {"time_in_state", "churn_probability"}


def contributions(state: str) -> Rows:
    """Return the contributions of the customer who loses its stage with the data of the last day."""
    has_stage = state in ("start", "start_now", "timed")
    missing: Row = {"raw_value": None, "contribution": 0.0}
    return [
        {"customer_id": "loses its stage"} | row | ({} if has_stage or row["factor"] not in GONE else missing)
        for row in WITH_STAGE
    ]


def changes() -> dict[tuple[str, str], Row]:
    """Return the explained changes by customer and score."""
    scores = {
        state: table_of(
            RiskScores,
            [
                {"customer_id": name, "overall_risk_score": overall, "decision_risk": decision}
                for name, (overall, decision) in SCORES[state].items()
            ],
        )
        for state in STATES
    }
    parts = {state: table_of(RiskContributions, contributions(state)) for state in STATES}
    names = sorted({name for state in SCORES.values() for name in state})
    segments = made_of(
        [{"customer_id": name, "segment": "SMB"} for name in names],
        scores["start"].select("customer_id", segment=scores["start"].customer_id).schema(),
    )
    return by(("customer_id", "score"), kept(RiskChanges, risk_changes(scores, parts, segments)))


@pytest.fixture(scope="module")
def by_hand() -> dict[tuple[str, str], Row]:
    """Return the changes of the customers above."""
    return changes()


def parts_of(row: Row) -> dict[str, float]:
    """Return the parts that are not zero."""
    return {cause: row[cause] for cause in CAUSES if row[cause]}


def test_each_step_is_a_cause(by_hand: dict[tuple[str, str], Row]) -> None:
    """0.40 -> 0.41 by other code, 0.45 by time, 0.60 by data, 0.57 by policy, 0.59 by other code."""
    row = by_hand["moves", "overall_risk_score"]
    assert parts_of(row) == pytest.approx({"time": 0.04, "data": 0.15, "policy": -0.03, "code": 0.03}, abs=1e-12)
    assert row["change"] == pytest.approx(0.19, abs=1e-12)
    assert parts_of(by_hand["moves", "decision_risk"]) == pytest.approx({"time": 0.03, "data": 0.1, "policy": -0.03})


def test_a_factor_that_becomes_unknown_is_missing_data(by_hand: dict[tuple[str, str], Row]) -> None:
    """Of overall risk, time's 0.20 is gone; the other 0.05 of the step is data.

    Of decision risk: half of that, a quarter of churn's loss (0.10, and 0.3 of the 0.50 of friction), and the
    forecast's own 0.01: 0.10 + 0.25 x 0.25 + 0.01 = 0.1725 of the 0.22 of the step.
    """
    overall = by_hand["loses its stage", "overall_risk_score"]
    assert parts_of(overall) == pytest.approx({"time": 0.05, "data": -0.05, "missing_data": -0.20}, abs=1e-12)
    decision = by_hand["loses its stage", "decision_risk"]
    assert parts_of(decision) == pytest.approx({"time": 0.02, "data": -0.0475, "missing_data": -0.1725}, abs=1e-12)


def test_who_came_or_left_has_no_change(by_hand: dict[tuple[str, str], Row]) -> None:
    came, left = (by_hand[name, "decision_risk"] for name in ("came", "left"))
    assert (came["presence"], came["before"], came["after"], came["change"]) == ("came", None, 0.1, None)
    assert (left["presence"], left["before"], left["after"], left["time"]) == ("left", 0.2, None, None)


def test_parts_that_do_not_sum_are_found(by_hand: dict[tuple[str, str], Row]) -> None:
    rows = list(by_hand.values())
    schema = schema_of(RiskChanges)
    assert rows_of(parts_that_do_not_sum(made_of(rows, schema))) == []
    rows[0] |= {"time": (rows[0]["time"] or 0.0) + 2e-9, "change": rows[0]["change"] or 0.0}
    rows[0] |= {cause: rows[0][cause] or 0.0 for cause in CAUSES}
    assert len(rows_of(parts_that_do_not_sum(made_of(rows, schema)))) == 1


def test_a_change_in_words(by_hand: dict[tuple[str, str], Row]) -> None:
    assert sentence("C1", by_hand["moves", "decision_risk"]) == (
        "The decision risk of C1 rose by 0.100, from 0.300 to 0.400: new and corrected records +0.100, "
        "the days that passed +0.030, the policy -0.030."
    )
    assert sentence("C1", by_hand["left", "decision_risk"]) == (
        "C1 has a decision risk on one of the days only, so there is no change."
    )


def test_the_parts_of_a_sentence_add_up() -> None:
    """Three parts of 0.0334 are 0.1002: each is shown as 0.033, and the largest takes the rest."""
    change = dict.fromkeys(CAUSES, 0.0334) | {"score": "decision_risk", "change": 0.1002, "missing_data": 0, "code": 0}
    assert sentence("C1", change) == (
        "The decision risk of C1 rose by 0.100: the days that passed +0.034, new and corrected records +0.033, "
        "the policy +0.033."
    )
    change |= {"change": 0.0, "time": 0.0334, "data": -0.0334, "policy": 0.0}
    assert sentence("C1", change) == (
        "The decision risk of C1 did not change: the days that passed +0.033, new and corrected records -0.033."
    )


@pytest.fixture(scope="module")
def past(tour_home: Home) -> Iterator[Scratch]:
    """Return the tour, explained from the second day to the third."""
    with scratch(tour_home.settings, statements=PAST_STATEMENTS) as opened:
        explain(opened, TOUR_DAYS[1], TOUR_DAYS[2])
        yield opened


def test_real_changes_are_the_sum_of_their_parts(past: Scratch) -> None:
    total = " + ".join(CAUSES)
    found = past.rows(f"SELECT count(*) AS rows, max(abs(change - ({total}))) AS gap FROM {CHANGES}")[0]
    assert found["rows"] == 22, "eleven customers who have not left, two scores each"
    assert found["gap"] <= 1e-9


def test_time_alone_is_what_the_days_do(past: Scratch) -> None:
    """C009 has no signals: from the 4th to the 11th day of engagement is 7/60 of the factor that weighs a quarter."""
    row = past.rows(f"FROM {CHANGES} WHERE customer_id = 'C009' AND score = 'overall_risk_score'")[0]
    assert row["time"] == pytest.approx(0.25 * 7 / 60, abs=1e-6)
    assert (row["data"], row["policy"], row["missing_data"], row["code"]) == (0, 0, 0, 0)


def test_a_record_that_came_in_is_data(past: Scratch) -> None:
    """C001's signals came between the days: they are what raised its risk, and the days did the rest."""
    signals = past.rows(
        "SELECT count(*) AS signals FROM published.journey.signals "
        "WHERE customer_id = 'C001' AND detected_at BETWEEN '2025-01-14' AND '2025-01-20'"
    )[0]["signals"]
    row = past.rows(f"FROM {CHANGES} WHERE customer_id = 'C001' AND score = 'overall_risk_score'")[0]
    factors = {factor["factor"]: factor for factor in factors_of(past, "C001") if factor["score"] == row["score"]}
    gained = sum(factors[name]["after"] - factors[name]["before"] for name in ("signal_strength", "signal_count"))
    assert signals > 0
    assert row["data"] == pytest.approx(gained, abs=2e-6)
    assert row["time"] == pytest.approx(0.25 * 7 / 28, abs=1e-6)


def test_the_records_behind_a_change_are_named(tour_home: Home, past: Scratch) -> None:
    """What the last day could use and the first could not: the records of the days between."""
    found = of_customer(past, tour_home.settings, "C001", TOUR_DAYS[1], TOUR_DAYS[2])
    records = {row["record_key"]: row for row in found["records"]}
    assert records
    assert all(TOUR_DAYS[1] < row["record_date"] <= TOUR_DAYS[2] for row in records.values())
    assert all(row["source_file"] and row["source_row"] for row in records.values())
    assert found["policy_values"] == []
    first, last = (day.isoformat() for day in TOUR_DAYS[1:])
    command = ["explain-change", "--customer", "C001", "--from", first, "--to", last]
    done = CliRunner().invoke(app, [*command, "--home", str(tour_home.settings.home)])
    [change] = [row for row in found["changes"] if row["score"] == "decision_risk"]
    assert done.stdout.startswith(f"{sentence('C001', change)}\n"), done.output
    assert all(name in done.stdout for name in records)


def test_the_portfolio_adds_up_by_segment(past: Scratch) -> None:
    rows = [row for row in by_segment(past) if row["score"] == "decision_risk"]
    everybody = next(row for row in rows if row["segment"] == "All")
    assert everybody["customers"] == sum(row["customers"] for row in rows if row["segment"] != "All") == 11
    assert everybody["change"] == pytest.approx(sum(everybody[cause] for cause in CAUSES), abs=1e-9)


@pytest.mark.parametrize(
    ("first", "last", "reason"),
    [("2025-01-20", "2025-01-13", "is not after the first day"), ("2025-01-12", "2025-01-13", "was never published")],
)
def test_what_cannot_be_explained_is_refused(tour_home: Home, first: str, last: str, reason: str) -> None:
    done = CliRunner().invoke(
        app, ["explain-change", "--from", first, "--to", last, "--home", str(tour_home.settings.home)]
    )
    assert done.exit_code == 2
    assert reason in done.output
