"""An independent implementation of the rules in plain Python, with random data for it."""

import json
import random
import shutil
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from math import prod
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Rows = list[Row]

SEGMENTS = ["SMB", "Mid-Market", "Enterprise"]
STAGES = ["onboarding", "engagement", "support", "retention", "escalation", "churned"]
CHURNED = "churned"
SOURCES = ["automated", "manual"]
TRANSITIONS = {
    "onboarding": {"engagement"},
    "engagement": {"support", "retention", "churned"},
    "support": {"retention", "escalation", "churned"},
    "retention": {"support", "churned"},
    "escalation": {"support", "retention", "churned"},
    "churned": set(),
}
RE_ENTRIES = {("retention", "support")}

TYPICAL_DAYS = {"onboarding": 14, "engagement": 30, "support": 7, "retention": 90, "escalation": 3}
THRESHOLD_DAYS = {"onboarding": 14, "engagement": 30, "support": 5, "escalation": 3}
LONG_MULTIPLE = Fraction("1.5")
PATTERN_OF_SIGNALS = 2
EARLY_TENURE_MONTHS = 3

NEGATIVE_WEIGHTS = {
    "negative_sentiment": Fraction("0.30"),
    "support_ticket_spike": Fraction("0.25"),
    "usage_drop": Fraction("0.20"),
    "repeat_support_tickets": Fraction("0.15"),
    "failed_onboarding_step": Fraction("0.10"),
    "support_satisfaction_low": Fraction("0.10"),
    "inactivity_warning": Fraction("0.10"),
    "low_product_usage": Fraction("0.10"),
}
POSITIVE_WEIGHTS = {
    "positive_sentiment": Fraction("0.10"),
    "renewal_intent": Fraction("0.10"),
    "usage_recovery": Fraction("0.10"),
}
LARGEST_WEIGHT = Fraction("0.30")
TRUST = {"automated": Fraction("1.0"), "manual": Fraction("0.8")}
LOOK_BACK_DAYS = 90
HALF_LIFE_DAYS, SHORT_DAYS, LONG_DAYS = 14, 7, 30
TREND_MARGIN = Fraction("0.25")
SUCCESSES = {"resolved", "improved_engagement"}
REQUEST_STANDS = timedelta(minutes=2880)
WATCHING = "monitor_only"
HALF = Fraction("0.5")

SIGNAL_STRENGTH, TIME_IN_STATE, CUSTOMER_VALUE, SIGNAL_COUNT = (
    Fraction("0.35"),
    Fraction("0.25"),
    Fraction("0.20"),
    Fraction("0.20"),
)
RETENTION_TIME_WEIGHT = Fraction("0.3")
FULL_VALUE = 200_000
FULL_COUNT = 5
HIGH_TIER, MEDIUM_TIER = Fraction("0.70"), Fraction("0.40")
HIGH_URGENCY, MEDIUM_URGENCY = Fraction("0.80"), Fraction("0.50")
HIGH_VALUE = 30_000

AS_OFS = (date(2024, 12, 10), date(2025, 1, 20))
FIRST_DAY, LAST_DAY = date(2024, 6, 1), date(2025, 2, 28)
MOST_ENTRIES_A_DAY = 3
PLAYBOOKS = Path(__file__).parents[2] / "data" / "journey" / "playbooks.json"


@dataclass(frozen=True)
class Inputs:
    """The accepted records.

    Attributes:
        customers: by customer_id.
        entries: state entries of each customer, in the order in which they happened.
        signals: signals of each customer.
        history: interventions of each customer, with their outcomes and what people answered.
    """

    customers: dict[str, Row]
    entries: dict[str, Rows]
    signals: dict[str, Rows]
    history: dict[str, Rows]


def accepted(data: dict[str, Rows]) -> Inputs:
    """Leave out what is quarantined: broken keys, unknown values, impossible numbers, orphans, less credible twins."""
    known = {
        row["customer_id"]: row
        for row in _without_conflicts(data["customers"], ("customer_id",))
        if row["segment"] in SEGMENTS and row["account_value"] >= 0
    }
    entries: dict[str, Rows] = defaultdict(list)
    for row in _without_conflicts(data["journey_state_log"], ("customer_id", "state_entered_at", "journey_stage")):
        is_previous_known = row["previous_stage"] is None or row["previous_stage"] in STAGES
        if row["customer_id"] in known and row["journey_stage"] in STAGES and is_previous_known:
            entries[row["customer_id"]].append(row)
    twins: dict[tuple[str, str, str], Rows] = defaultdict(list)
    for row in _without_conflicts(data["signals"], ("signal_id",)):
        if row["customer_id"] in known and row["source"] in SOURCES and 0 <= row["signal_strength"] <= 1:
            twins[row["customer_id"], row["signal_type"], row["detected_at"]].append(row)
    believed: dict[str, Rows] = defaultdict(list)
    for (customer_id, _, _), rows in twins.items():
        best = min(rows, key=lambda row: (-TRUST[row["source"]], -row["signal_strength"], row["signal_id"]))
        believed[customer_id].append(best)
    measured: dict[str, Rows] = defaultdict(list)
    for row in data["outcomes"]:
        measured[row["intervention_id"]].append(row)
    answered: dict[str, Rows] = defaultdict(list)
    for row in data["approval_decisions"]:
        answered[row["intervention_id"]].append(row)
    history: dict[str, Rows] = defaultdict(list)
    for row in data["interventions"]:
        if row["customer_id"] in known:
            name = row["intervention_id"]
            history[row["customer_id"]].append(row | {"outcomes": measured[name], "answers": answered[name]})
    ordered = {name: _in_order(rows) for name, rows in entries.items()}
    return Inputs(known, ordered, dict(believed), dict(history))


def journey_states(inputs: Inputs, as_of: date) -> dict[str, Row]:
    """Return the current stage of every customer."""
    states = {}
    for customer_id, customer in inputs.customers.items():
        entries = [row for row in inputs.entries.get(customer_id, []) if _day(row["state_entered_at"]) <= as_of]
        state: Row = {
            "customer_id": customer_id,
            "segment": customer["segment"],
            "journey_stage": None,
            "state_entered_at": None,
            "days_in_state": None,
            "reported_days_in_state": None,
            "previous_stage": None,
            "transition": "unknown",
        }
        if entries:
            current = entries[-1]
            previous = entries[-2]["journey_stage"] if len(entries) > 1 else current["previous_stage"]
            entered_at = _day(current["state_entered_at"])
            state |= {
                "journey_stage": current["journey_stage"],
                "state_entered_at": entered_at,
                "days_in_state": (as_of - entered_at).days,
                "reported_days_in_state": current["days_in_state"],
                "previous_stage": previous,
                "transition": transition(previous, current["journey_stage"]),
            }
        states[customer_id] = state
    return states


def transition(previous: str | None, stage: str) -> str:
    """Return the kind of a step from one stage to another."""
    if previous is None:
        return "initial" if stage == "onboarding" else "unknown"
    if (previous, stage) in RE_ENTRIES:
        return "re_entry"
    return "valid" if stage in TRANSITIONS[previous] else "invalid"


def aggregated_signals(inputs: Inputs, as_of: date) -> dict[str, Row]:
    """Return the evidence of the look-back for every customer."""
    rows = {}
    for customer_id in inputs.customers:
        seen = [
            row
            for row in inputs.signals.get(customer_id, [])
            if as_of - timedelta(days=LOOK_BACK_DAYS) <= _day(row["detected_at"]) <= as_of
        ]
        strengths = [_exact(row["signal_strength"]) for row in seen]
        trusts = [TRUST[row["source"]] for row in seen]
        negative = [_severity(row, NEGATIVE_WEIGHTS) for row in seen if row["signal_type"] in NEGATIVE_WEIGHTS]
        positive = [_severity(row, POSITIVE_WEIGHTS) for row in seen if row["signal_type"] in POSITIVE_WEIGHTS]
        alarm = 1 - prod((1 - severity for severity in negative), start=Fraction(1))
        rows[customer_id] = {
            "customer_id": customer_id,
            "total_signals": len(seen),
            "negative_signals": len(negative),
            "positive_signals": len(positive),
            "average_signal_strength": sum(strengths) / len(seen) if seen else None,
            "max_signal_strength": max(strengths) if seen else None,
            "signal_types": sorted({row["signal_type"] for row in seen}),
            "negative_severity": sum(negative, start=Fraction(0)),
            "positive_severity": sum(positive, start=Fraction(0)),
            "average_source_trust": sum(trusts) / len(seen) if seen else None,
            "aggregated_risk_score": alarm * (1 - HALF * max(positive, default=Fraction(0))),
        }
    return rows


def fused_signals(inputs: Inputs, as_of: date) -> dict[str, Row]:
    """Return what time and successes have left of the evidence."""
    rows = {}
    for customer_id in inputs.customers:
        settled = _settled(inputs.history.get(customer_id, []), as_of)
        seen = [
            row
            for row in inputs.signals.get(customer_id, [])
            if as_of - timedelta(days=LOOK_BACK_DAYS) <= _day(row["detected_at"]) <= as_of
        ]
        counted = [row for row in seen if row["signal_id"] not in settled]
        aged = [(row, (as_of - _day(row["detected_at"])).days) for row in counted]
        negative = [
            (_severity(row, NEGATIVE_WEIGHTS), age) for row, age in aged if row["signal_type"] in NEGATIVE_WEIGHTS
        ]
        positive = [
            (_severity(row, POSITIVE_WEIGHTS), age) for row, age in aged if row["signal_type"] in POSITIVE_WEIGHTS
        ]
        bad, good = ([_faded(*one) for one in some] for some in (negative, positive))
        recent = sum((severity for severity, age in negative if age < SHORT_DAYS), start=Fraction(0)) / SHORT_DAYS
        earlier = sum((severity for severity, age in negative if SHORT_DAYS <= age < LONG_DAYS), start=Fraction(0))
        earlier /= LONG_DAYS - SHORT_DAYS
        if recent > earlier * (1 + TREND_MARGIN):
            trend = "worsening"
        else:
            trend = "improving" if recent < earlier * (1 - TREND_MARGIN) else "stable"
        days = sorted(_day(row["detected_at"]) for row in counted)
        rows[customer_id] = {
            "customer_id": customer_id,
            "counted_signals": len(counted),
            "settled_signals": len(seen) - len(counted),
            "counted_signal_types": sorted({row["signal_type"] for row in counted}),
            "negative_severity": sum(bad, start=Fraction(0)),
            "positive_severity": sum(good, start=Fraction(0)),
            "fused_risk_score": (1 - prod((1 - one for one in bad), start=Fraction(1)))
            * (1 - HALF * max(good, default=Fraction(0))),
            "short_window_negative_signals": sum(age < SHORT_DAYS for _, age in negative),
            "long_window_negative_signals": sum(age < LONG_DAYS for _, age in negative),
            "recent_severity_per_day": recent,
            "earlier_severity_per_day": earlier,
            "trend": trend if counted else None,
            "first_seen": days[0] if days else None,
            "last_seen": days[-1] if days else None,
        }
    return rows


def _settled(history: Rows, as_of: date) -> set[str]:
    """Return the signals of interventions that were carried out and whose latest outcome by the day is a success."""
    settled: set[str] = set()
    for intervention in history:
        known = [row for row in intervention["outcomes"] if _day(row["measured_at"]) <= as_of]
        latest = max(known, key=lambda row: (row["measured_at"], row["outcome_id"]), default=None)
        if latest is not None and _is_success(latest) and _is_carried_out(intervention, as_of):
            settled |= set(intervention["triggered_by_signals"])
    return settled


def _is_success(outcome: Row) -> bool:
    """Return the success of the source, or else whether the outcome is listed as a success."""
    said = outcome.get("playbook_success")
    return outcome["outcome"] in SUCCESSES if said is None else bool(said)


def _is_carried_out(intervention: Row, as_of: date) -> bool:
    """Return whether an intervention was executed by the end of a day: without approval, or approved in time.

    Approval is requested at the end of the day of the decision; an answer of that day counts.
    """
    decided_on = _day(intervention["generated_at"])
    if decided_on > as_of or intervention["recommended_action"] == WATCHING:
        return False
    if not intervention["requires_human_approval"]:
        return True
    asked_at, known_until = (_midnight(day + timedelta(days=1)) for day in (decided_on, as_of))
    last = min(asked_at + REQUEST_STANDS, known_until)
    answers = [(datetime.fromisoformat(row["decided_at"]), row["decision"]) for row in intervention["answers"]]
    # Of a yes and a no in one instant the no counts.
    counted = [(at, said != "rejected") for at, said in answers if _midnight(decided_on) <= at <= last]
    return bool(counted) and min(counted)[1]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _faded(severity: Fraction, age: int) -> Fraction:
    """Return what a half-life leaves of a severity, exact enough for any published digit."""
    return severity * Fraction(0.5 ** (age / HALF_LIFE_DAYS))


def journey_evaluations(inputs: Inputs, as_of: date) -> dict[str, Row]:
    """Return friction and stage health of every customer."""
    states, evidence = journey_states(inputs, as_of), aggregated_signals(inputs, as_of)
    rows = {}
    for customer_id, customer in inputs.customers.items():
        state, negative = states[customer_id], evidence[customer_id]["negative_signals"]
        stage, days = state["journey_stage"], state["days_in_state"]
        reasons: list[str] = []
        health: str | None = None
        if stage != CHURNED:
            severity = 0
            if stage is not None and days > _patience(stage):
                reasons.append(f"exceeded_typical_{stage}_duration")
                is_critical = stage in THRESHOLD_DAYS and days > LONG_MULTIPLE * THRESHOLD_DAYS[stage]
                severity = 2 if is_critical else 1
            if negative >= PATTERN_OF_SIGNALS:
                reasons.append("multiple_negative_signals")
            if customer["tenure_months"] <= EARLY_TENURE_MONTHS and (negative or state["transition"] == "invalid"):
                reasons.append("early_tenure_friction")
            if stage is not None:
                health = ["healthy", "at_risk", "critical"][max(severity, 1 if reasons else 0)]
        rows[customer_id] = {
            "customer_id": customer_id,
            "current_stage": stage,
            "days_in_state": days,
            "friction_detected": bool(reasons),
            "friction_reasons": sorted(reasons),
            "stage_health": health,
        }
    return rows


def risk_scores(inputs: Inputs, as_of: date, churn_probabilities: dict[str, float | None]) -> dict[str, Row]:
    """Return the scores of every customer who has not churned.

    The forecast is taken as given, null where there is none: it is a model, with simulations of its own to prove it.
    """
    states, evidence = journey_states(inputs, as_of), aggregated_signals(inputs, as_of)
    evaluations, fused = journey_evaluations(inputs, as_of), fused_signals(inputs, as_of)
    rows = {}
    for customer_id, customer in inputs.customers.items():
        state, signals, evaluation = states[customer_id], evidence[customer_id], evaluations[customer_id]
        if state["journey_stage"] == CHURNED:
            continue
        aggregated, negative = signals["aggregated_risk_score"], signals["negative_signals"]
        time = _time_factor(state["journey_stage"], state["days_in_state"])
        value = min(Fraction(1), _exact(customer["account_value"]) / FULL_VALUE)
        count = min(Fraction(1), Fraction(negative, FULL_COUNT))
        reasons = min(Fraction(1), Fraction(len(evaluation["friction_reasons"]), 2))
        overall = SIGNAL_STRENGTH * aggregated + TIME_IN_STATE * time + CUSTOMER_VALUE * value + SIGNAL_COUNT * count
        friction = Fraction("0.6") * time + Fraction("0.4") * reasons
        churn = Fraction("0.5") * aggregated + Fraction("0.3") * friction + Fraction("0.2") * time
        tier = "high" if overall >= HIGH_TIER else "medium" if overall >= MEDIUM_TIER else "low"
        is_critical = evaluation["stage_health"] == "critical"
        if overall >= HIGH_URGENCY or (is_critical and tier != "low"):
            urgency = "high"
        else:
            urgency = "medium" if overall >= MEDIUM_URGENCY or is_critical else "low"
        factors = {
            "high_signal_strength": aggregated >= HALF,
            "multiple_negative_signals": negative >= PATTERN_OF_SIGNALS,
            "long_time_in_state": time > HALF,
            "high_customer_value": customer["account_value"] >= HIGH_VALUE,
            "early_tenure": customer["tenure_months"] <= EARLY_TENURE_MONTHS,
            "invalid_transition": state["transition"] == "invalid",
        }
        rows[customer_id] = {
            "customer_id": customer_id,
            "overall_risk_score": overall,
            "churn_risk_score": churn,
            "friction_score": friction,
            "decision_risk": (
                Fraction("0.50") * overall
                + Fraction("0.25") * churn
                + Fraction("0.15") * fused[customer_id]["fused_risk_score"]
                + Fraction("0.10") * _exact(churn_probabilities[customer_id] or 0.0)
            ),
            "risk_factors": sorted(name for name, stands_out in factors.items() if stands_out),
            "risk_tier": tier,
            "crm_risk_tier": customer["risk_tier"],
            "urgency": urgency,
        }
    return rows


def generate(seed: int, customers: int, out_dir: Path) -> dict[str, Rows]:
    """Write a folder of datasets as JSON arrays.

    Most rows are plain. Some are legal but odd: two or three entries on one day, re-entries, invalid transitions,
    churned customers, customers without an entry, records after an as-of date or before its look-back, unknown signal
    types, strengths of 0 and 1, values on the thresholds. About one in a hundred is invalid: orphans, words
    outside the vocabulary, impossible numbers, a duplicate key; besides, signals with a more credible twin.

    Args:
        seed: the same seed writes the same bytes.
        customers: how many.
        out_dir: an existing folder.

    Returns:
        The rows of every dataset as written.
    """
    chance = random.Random(seed)
    datasets: dict[str, Rows] = {"customers": [_customer(chance, number) for number in range(1, customers + 1)]}
    ids = [row["customer_id"] for row in datasets["customers"]]
    datasets["journey_state_log"] = [row for customer_id in ids for row in _way(chance, customer_id)]
    datasets["signals"] = _signals(chance, ids)
    playbooks: Rows = json.loads(PLAYBOOKS.read_text(encoding="utf-8"))
    datasets["interventions"] = _interventions(chance, ids, datasets["signals"], playbooks)
    datasets["outcomes"] = _outcomes(chance, datasets["interventions"])
    datasets["approval_decisions"] = _approvals(chance, datasets["interventions"])
    changes: dict[str, Row] = {
        "customers": {"account_value": 7},
        "journey_state_log": {"days_in_state": 77},
        "signals": {"source": "manual"},
    }
    for name, change in changes.items():
        rows = datasets[name]
        rows += [dict(row) for row in chance.sample(rows, max(1, len(rows) // 100))]
        rows += [dict(row) | change for row in chance.sample(rows, max(1, len(rows) // 100))]
    for name, rows in datasets.items():
        chance.shuffle(rows)
        (out_dir / f"{name}.json").write_text(json.dumps(rows), encoding="utf-8")
    shutil.copyfile(PLAYBOOKS, out_dir / "playbooks.json")
    return datasets | {"playbooks": playbooks}


def _without_conflicts(rows: Rows, key: tuple[str, ...]) -> Rows:
    """Keep one row of a key that occurs once, or several times with one content."""
    groups: dict[tuple[Any, ...], Rows] = defaultdict(list)
    for row in rows:
        groups[tuple(row[name] for name in key)].append(row)
    return [group[0] for group in groups.values() if all(row == group[0] for row in group)]


def _in_order(entries: Rows) -> Rows:
    """Sort by day; on one day an entry follows the one whose stage it names; else the order of the stages decides."""
    days: dict[str, Rows] = defaultdict(list)
    for row in entries:
        days[row["state_entered_at"]].append(row)
    ordered: Rows = []
    for day in sorted(days):
        waiting = sorted(days[day], key=lambda row: STAGES.index(row["journey_stage"]))
        while waiting:
            free = [row for row in waiting if not any(_follows(row, other) for other in waiting)]
            ordered.append((free or waiting)[0])
            waiting.remove(ordered[-1])
    return ordered


def _follows(row: Row, other: Row) -> bool:
    """Return whether a row names the other's stage as its previous one and the other does not name this one's."""
    if row is other or row["previous_stage"] != other["journey_stage"]:
        return False
    return bool(other["previous_stage"] != row["journey_stage"])


def _patience(stage: str) -> Fraction:
    return Fraction(THRESHOLD_DAYS[stage]) if stage in THRESHOLD_DAYS else LONG_MULTIPLE * TYPICAL_DAYS[stage]


def _severity(signal: Row, weights: dict[str, Fraction]) -> Fraction:
    factor = HALF + HALF * weights[signal["signal_type"]] / LARGEST_WEIGHT
    return _exact(signal["signal_strength"]) * TRUST[signal["source"]] * factor


def _time_factor(stage: str | None, days: int | None) -> Fraction:
    if stage is None or days is None:
        return Fraction(0)
    weight = RETENTION_TIME_WEIGHT if stage == "retention" else Fraction(1)
    return weight * min(Fraction(1), Fraction(days, 2 * TYPICAL_DAYS[stage]))


def _exact(number: float) -> Fraction:
    """Return the number as written in the file, not as a binary float."""
    return Fraction(repr(number))


def _day(text: str) -> date:
    return date.fromisoformat(text)


def _customer(chance: random.Random, number: int) -> Row:
    value = chance.choice([0, 29999, 30000, 150000, 200000, 250000, *(chance.randint(500, 120000) for _ in range(12))])
    return {
        "customer_id": f"C{number:05d}",
        "segment": "Startup" if chance.random() < 0.01 else chance.choice(SEGMENTS),
        "account_value": -1 if chance.random() < 0.01 else value,
        "tenure_months": chance.choice([0, 1, 3, 4, *(chance.randint(0, 60) for _ in range(6))]),
        "risk_tier": chance.choice(["high", "medium", "low", None]),
    }


def _way(chance: random.Random, customer_id: str) -> Rows:
    """Return a walk through the stages that may rest, jump, end, or take two or three steps on one day."""
    if chance.random() < 0.06:
        return []
    stage = "onboarding" if chance.random() < 0.8 else chance.choice(STAGES)
    before = None if stage == "onboarding" or chance.random() < 0.5 else chance.choice(STAGES)
    entered_at = FIRST_DAY + timedelta(days=chance.randint(0, (LAST_DAY - FIRST_DAY).days))
    rows: Rows = []
    for _ in range(chance.randint(1, 6)):
        previous = chance.choice([None, *STAGES]) if chance.random() < 0.06 else before
        row = {
            "customer_id": customer_id,
            "journey_stage": stage,
            "state_entered_at": entered_at.isoformat(),
            "days_in_state": chance.choice([None, chance.randint(0, 120)]),
            "previous_stage": previous,
        }
        of_this_day = [other for other in rows if other["state_entered_at"] == row["state_entered_at"]]
        if not _is_decided([*of_this_day, row]):
            entered_at += timedelta(days=1)
            row["state_entered_at"] = entered_at.isoformat()
        rows.append(row)
        if stage == CHURNED and chance.random() < 0.8:
            break
        allowed = sorted(TRANSITIONS[stage])
        before, stage = stage, chance.choice(allowed if allowed and chance.random() < 0.85 else STAGES)
        if chance.random() < 0.75:
            entered_at += timedelta(days=chance.randint(1, 3 * TYPICAL_DAYS.get(before, 10)))
        if entered_at > LAST_DAY:
            break
    faults: Rows = [{"customer_id": "C99999"}, {"journey_stage": "purgatory"}, {"previous_stage": "legacy"}]
    return [row | chance.choice(faults) if chance.random() < 0.015 else row for row in rows]


def _is_decided(entries: Rows) -> bool:
    """Return whether the pairwise rule for two entries on one day orders all of them."""
    stages = [row["journey_stage"] for row in entries]
    later = [
        sum(
            _follows(row, other)
            or (not _follows(other, row) and STAGES.index(row["journey_stage"]) > STAGES.index(other["journey_stage"]))
            for other in entries
        )
        for row in entries
    ]
    return len(set(stages)) == len(stages) <= MOST_ENTRIES_A_DAY and len(set(later)) == len(later)


def _signals(chance: random.Random, ids: list[str]) -> Rows:
    known = [*NEGATIVE_WEIGHTS, *POSITIVE_WEIGHTS]
    strengths = [0, 1, 0.5, 0.75, 0.7]
    rows: Rows = []
    for customer_id in ids:
        for _ in range(chance.choice([0, 0, 1, 2, 3, 4, 6, 9])):
            as_of = chance.choice(AS_OFS)
            edge = chance.choice([0, -1, LOOK_BACK_DAYS, LOOK_BACK_DAYS + 1])
            age = edge if chance.random() < 0.2 else chance.randint(-30, 120)
            rows.append(
                {
                    "signal_id": "",
                    "customer_id": "C99999" if chance.random() < 0.01 else customer_id,
                    "signal_type": "moon_phase" if chance.random() < 0.05 else chance.choice(known),
                    "signal_strength": chance.choice([*strengths, *(round(chance.random(), 2) for _ in range(8))]),
                    "detected_at": (as_of - timedelta(days=age)).isoformat(),
                    "journey_stage": chance.choice([None, *STAGES]),
                    "source": "hearsay" if chance.random() < 0.01 else chance.choice(SOURCES),
                }
            )
            if chance.random() < 0.01:
                rows[-1]["signal_strength"] = 1.5
            while chance.random() < 0.2:
                twin = {"source": chance.choice(SOURCES), "signal_strength": chance.choice(strengths)}
                rows.append(dict(rows[-1]) | (twin if chance.random() < 0.7 else {}))
    numbers = list(range(1, len(rows) + 1))
    chance.shuffle(numbers)
    for number, row in zip(numbers, rows, strict=True):
        row["signal_id"] = f"S{number:06d}"
    return rows


def _interventions(chance: random.Random, ids: list[str], signals: Rows, playbooks: Rows) -> Rows:
    heard: dict[str, Rows] = defaultdict(list)
    for row in signals:
        heard[row["customer_id"]].append(row)
    rows: Rows = []
    for customer_id in ids:
        for _ in range(chance.choice([0, 0, 0, 1, 2])):
            playbook = chance.choice(playbooks)
            reasons = chance.sample(heard[customer_id], min(len(heard[customer_id]), chance.randint(0, 2)))
            generated_at = max(
                [FIRST_DAY + timedelta(days=chance.randint(120, 265)), *(_day(row["detected_at"]) for row in reasons)]
            )
            rows.append(
                {
                    "intervention_id": f"I{len(rows) + 1:05d}",
                    "customer_id": customer_id,
                    "journey_stage": playbook["journey_stage"],
                    "recommended_action": chance.choice([playbook["default_actions"][0]] * 4 + ["monitor_only"]),
                    "confidence": round(chance.random(), 2),
                    "requires_human_approval": chance.random() < 0.5,
                    "triggered_by_signals": sorted(row["signal_id"] for row in reasons),
                    "evaluation_latency_ms": chance.choice([None, chance.randint(80, 500)]),
                    "generated_at": generated_at.isoformat(),
                }
            )
    return rows


def _outcomes(chance: random.Random, interventions: Rows) -> Rows:
    rows: Rows = []
    for intervention in interventions:
        if chance.random() < 0.4:
            continue
        outcome = chance.choice(["resolved", "improved_engagement", "partial_improvement", "no_response"])
        resolution = chance.randint(1, 14) if outcome == "resolved" else None
        measured_at = _day(intervention["generated_at"]) + timedelta(days=chance.randint(1, 20))
        rows.append(
            {
                "outcome_id": f"O{len(rows) + 1:05d}",
                "intervention_id": intervention["intervention_id"],
                "customer_id": intervention["customer_id"],
                "outcome": outcome,
                "resolution_time_days": resolution,
                "csat_delta": chance.choice([None, -1, 0, 1, 2]),
                "churn_risk_delta": chance.choice([None, 0.0, -0.1, -0.25, 0.15]),
                "estimated_revenue_saved": chance.choice([None, 0, 500, 1999.99]),
                "human_override": chance.choice([None, False, False, True]),
                "measured_at": measured_at.isoformat(),
            }
        )
    return rows


def _approvals(chance: random.Random, interventions: Rows) -> Rows:
    rows: Rows = []
    for intervention in interventions:
        if not intervention["requires_human_approval"] or chance.random() < 0.4:
            continue
        decided_on = _day(intervention["generated_at"]) + timedelta(days=chance.choice([0, 1, 1, 2, 3]))
        rows.append(
            {
                "intervention_id": intervention["intervention_id"],
                "decision": chance.choice(["approved", "approved", "rejected"]),
                "decided_at": f"{decided_on.isoformat()}T{chance.randint(7, 18):02d}:{chance.randint(0, 59):02d}:00Z",
                "decided_by": chance.choice(["maria.keller", "Jürgen, Ops"]),
                "reason": chance.choice([None, 'Yes "yes",\nthen left', "Value; speed"]),
            }
        )
    return rows
