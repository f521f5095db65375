"""The tables of the yardstick in straightforward pandas, and in plain Python loops.

Both read the same files and write the same tables to a DuckDB database, so that the benchmark can compare rows as well
as times.
"""

from __future__ import annotations

import csv
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

STAGES = ["onboarding", "engagement", "support", "retention", "escalation", "churned"]
TYPICAL = {"onboarding": 14, "engagement": 30, "support": 7, "retention": 90, "escalation": 3}
THRESHOLD = {"onboarding": 14, "engagement": 30, "support": 5, "escalation": 3}
NEGATIVE = {
    "negative_sentiment": 0.30,
    "support_ticket_spike": 0.25,
    "usage_drop": 0.20,
    "repeat_support_tickets": 0.15,
    "failed_onboarding_step": 0.10,
    "support_satisfaction_low": 0.10,
    "inactivity_warning": 0.10,
    "low_product_usage": 0.10,
}
POSITIVE = dict.fromkeys(["positive_sentiment", "renewal_intent", "usage_recovery"], 0.10)
FACTOR = {name: 0.5 + 0.5 * weight / 0.30 for name, weight in (NEGATIVE | POSITIVE).items()}
TRUST = {"automated": 1.0, "manual": 0.8}
VALID = {
    ("onboarding", "engagement"),
    ("engagement", "support"),
    ("engagement", "retention"),
    ("engagement", "churned"),
    ("support", "retention"),
    ("support", "escalation"),
    ("support", "churned"),
    ("retention", "support"),
    ("retention", "churned"),
    ("escalation", "support"),
    ("escalation", "retention"),
    ("escalation", "churned"),
}


def transition(before: str | None, stage: str) -> str:
    """Return the kind of transition between two stages."""
    if before is None:
        return "initial" if stage == "onboarding" else "unknown"
    if (before, stage) == ("retention", "support"):
        return "re_entry"
    return "valid" if (before, stage) in VALID else "invalid"


def with_pandas(data: Path, database: Path, as_of: date) -> None:
    """Build the tables with pandas."""
    day = pd.Timestamp(as_of)
    raw = {path.stem: pd.read_parquet(path) for path in data.glob("*.parquet")}
    customers = raw["customers"]
    rules = _unreadable(customers, ["customer_id", "segment", "account_value", "tenure_months"]) | {
        "account_value: out of range": ~customers.account_value.between(0, 1e12),
        "tenure_months: below 0": customers.tenure_months.lt(0),
        "segment: unknown": ~customers.segment.isin(["SMB", "Mid-Market", "Enterprise"]),
        "risk_tier: unknown": ~customers.risk_tier.isin(["high", "medium", "low"]) & customers.risk_tier.notna(),
        "key: stands again": customers.customer_id.duplicated(keep=False),
    }
    customers, tables = _parted(customers, "customers", "customers", rules, ["customer_id"], None)
    entries = raw["journey_state_log"]
    entries["state_entered_at"] = pd.to_datetime(entries.state_entered_at)
    key = ["customer_id", "state_entered_at", "journey_stage"]
    rules = _unreadable(entries, key) | {
        "customer_id: unknown customer": ~entries.customer_id.isin(customers.customer_id),
        "journey_stage: unknown": ~entries.journey_stage.isin(STAGES),
        "previous_stage: unknown": ~entries.previous_stage.isin(STAGES) & entries.previous_stage.notna(),
        "days_in_state: below 0": entries.days_in_state.lt(0),
        "key: stands again": entries.duplicated(key, keep=False),
    }
    entries["confirmed_stage"] = None
    entries, parts = _parted(entries, "journey_state_log", "state_entries", rules, key, "state_entered_at")
    tables |= parts
    signals = raw["signals"]
    signals["detected_at"] = pd.to_datetime(signals.detected_at)
    rules = _unreadable(signals, list(signals.columns.drop("journey_stage"))) | {
        "customer_id: unknown customer": ~signals.customer_id.isin(customers.customer_id),
        "signal_strength: out of range": ~signals.signal_strength.between(0, 1),
        "source: unknown": ~signals.source.isin(TRUST),
        "journey_stage: unknown": ~signals.journey_stage.isin(STAGES) & signals.journey_stage.notna(),
        "key: stands again": signals.signal_id.duplicated(keep=False),
    }
    bad = np.logical_or.reduce(list(rules.values()))
    ranked = signals[~bad].assign(trust=signals.source.map(TRUST))
    ranked = ranked.sort_values(["trust", "signal_strength", "signal_id"], ascending=[False, False, True])
    lost = ranked.duplicated(["customer_id", "signal_type", "detected_at"])
    rules["signal_type: a more credible signal"] = lost.reindex(signals.index, fill_value=False)
    signals[["normalized_strength", "risk_weight", "segment_adjustment"]] = np.nan
    signals, parts = _parted(signals, "signals", "signals", rules, ["signal_id"], "detected_at")
    tables |= parts

    entries = entries[entries.state_entered_at <= day].sort_values(["customer_id", "state_entered_at"])
    entries["came_from"] = entries.groupby("customer_id").journey_stage.shift().fillna(entries.previous_stage)
    last = entries.groupby("customer_id").tail(1).rename(columns={"days_in_state": "reported_days_in_state"})
    last["previous_stage"] = last.came_from
    states = customers[["customer_id", "segment"]].merge(last.drop(columns="came_from"), on="customer_id", how="left")
    states["days_in_state"] = (day - states.state_entered_at).dt.days
    steps = zip(states.previous_stage, states.journey_stage, strict=True)
    states["transition"] = [
        "unknown" if pd.isna(stage) else transition(None if pd.isna(before) else before, stage)
        for before, stage in steps
    ]

    seen = signals[signals.detected_at.between(day - pd.Timedelta(days=90), day)].copy()
    seen["trust"] = seen.source.map(TRUST)
    seen["factor"] = seen.signal_type.map(FACTOR)
    seen["is_negative"], seen["is_positive"] = seen.signal_type.isin(NEGATIVE), seen.signal_type.isin(POSITIVE)
    seen["severity"] = seen.signal_strength * seen.trust * seen.factor
    known = raw["outcomes"][pd.to_datetime(raw["outcomes"].measured_at) <= day]
    final = known.sort_values(["measured_at", "outcome_id"]).groupby("intervention_id").tail(1)
    won = final[final.outcome.isin(["resolved", "improved_engagement"])].intervention_id
    done = raw["interventions"][~raw["interventions"].requires_human_approval]
    triggers = done[done.intervention_id.isin(won)].explode("triggered_by_signals")
    settled = pd.MultiIndex.from_frame(triggers[["customer_id", "triggered_by_signals"]])
    seen["is_settled"] = pd.MultiIndex.from_frame(seen[["customer_id", "signal_id"]]).isin(settled)
    seen["age_days"] = (day - seen.detected_at).dt.days
    seen["faded"] = seen.severity * 0.5 ** (seen.age_days / 14)
    groups = seen.groupby("customer_id")
    evidence = groups.agg(
        total_signals=("signal_id", "size"),
        negative_signals=("is_negative", "sum"),
        positive_signals=("is_positive", "sum"),
        average_signal_strength=("signal_strength", "mean"),
        max_signal_strength=("signal_strength", "max"),
        average_source_trust=("trust", "mean"),
    )
    evidence["signal_types"] = groups.signal_type.agg(lambda types: sorted(set(types)))
    evidence = evidence.join(_combined(seen, "severity"))
    aggregated = customers[["customer_id"]].merge(evidence, left_on="customer_id", right_index=True, how="left")
    aggregated = _filled(aggregated, "signal_types", "aggregated_risk_score")

    counted = seen[~seen.is_settled]
    groups = counted.groupby("customer_id")
    fused = groups.agg(counted_signals=("signal_id", "size"), first_seen=("detected_at", "min"))
    fused["last_seen"] = groups.detected_at.max()
    fused["counted_signal_types"] = groups.signal_type.agg(lambda types: sorted(set(types)))
    fused = fused.join(_combined(counted, "faded")).rename(columns={"aggregated_risk_score": "fused_risk_score"})
    negative = counted[counted.is_negative]
    recent, earlier = negative[negative.age_days < 7], negative[negative.age_days.between(7, 29)]
    fused["short_window_negative_signals"] = recent.groupby("customer_id").size()
    fused["long_window_negative_signals"] = negative[negative.age_days < 30].groupby("customer_id").size()
    fused["recent_severity_per_day"] = recent.groupby("customer_id").severity.sum() / 7
    fused["earlier_severity_per_day"] = earlier.groupby("customer_id").severity.sum() / 23
    settled = seen[seen.is_settled].groupby("customer_id").size().rename("settled_signals")
    fused = customers[["customer_id"]].merge(fused, left_on="customer_id", right_index=True, how="left")
    fused = fused.merge(settled, left_on="customer_id", right_index=True, how="left")
    fused = _filled(fused, "counted_signal_types", "fused_risk_score")
    before, now = fused.earlier_severity_per_day.round(6), fused.recent_severity_per_day.round(6)
    steps = [now > (before * 1.25).round(6), now < (before * 0.75).round(6)]
    fused["trend"] = np.select(steps, ["worsening", "improving"], "stable")
    fused.loc[fused.counted_signals == 0, "trend"] = None

    rows = states.merge(aggregated, on="customer_id").merge(customers.drop(columns="segment"), on="customer_id")
    threshold, typical = rows.journey_stage.map(THRESHOLD), rows.journey_stage.map(TYPICAL)
    left = rows.journey_stage == "churned"
    too_long = ((rows.days_in_state > threshold) | (threshold.isna() & (rows.days_in_state > 1.5 * typical))) & ~left
    several = (rows.negative_signals >= 2) & ~left
    early = (rows.tenure_months <= 3) & ((rows.negative_signals > 0) | (rows.transition == "invalid")) & ~left
    flags = zip(early, too_long, several, rows.journey_stage, strict=True)
    rows["friction_reasons"] = [
        [
            *(["early_tenure_friction"] if is_early else []),
            *([f"exceeded_typical_{stage}_duration"] if is_long else []),
            *(["multiple_negative_signals"] if are_several else []),
        ]
        for is_early, is_long, are_several, stage in flags
    ]
    rows["reasons"] = rows.friction_reasons.str.len()
    rows["stage_health"] = np.select(
        [rows.journey_stage.isna() | left, rows.days_in_state > 1.5 * threshold, rows.reasons > 0],
        ["", "critical", "at_risk"],
        "healthy",
    )
    rows["stage_health"] = rows.stage_health.replace("", None)
    evaluations = rows[["customer_id", "days_in_state", "friction_reasons", "stage_health"]].assign(
        current_stage=rows.journey_stage, friction_detected=rows.reasons > 0
    )
    tables |= {
        "journey.journey_states": states,
        "journey.aggregated_signals": aggregated,
        "journey.fused_signals": fused,
        "journey.journey_evaluations": evaluations,
    }
    with duckdb.connect(str(database)) as connection:
        connection.execute("CREATE SCHEMA quarantine; CREATE SCHEMA journey")
        for name, frame in tables.items():
            _check(name, frame)
            connection.register("frame", frame.reset_index(drop=True))
            connection.execute(f"CREATE TABLE {name} AS SELECT * FROM frame")
            connection.unregister("frame")


def _unreadable(rows: pd.DataFrame, required: list[str]) -> dict[str, pd.Series]:
    """Return the broken rules for missing required values, unprintable texts and invalid numbers."""
    rules = {f"{name}: missing": rows[name].isna() for name in required}
    for name in rows:
        if pd.api.types.is_string_dtype(rows[name]):
            rules[f"{name}: not a printable text"] = rows[name].notna() & ~rows[name].map(_is_printable)
        elif pd.api.types.is_float_dtype(rows[name]):
            rules[f"{name}: not a number"] = pd.Series(np.isinf(rows[name].to_numpy()), rows.index)
    return rules


def _is_printable(text: object) -> bool:
    return not isinstance(text, str) or (text.isprintable() and not text.isspace() and text != "")


def _parted(
    rows: pd.DataFrame, dataset: str, lookup: str, rules: dict[str, pd.Series], key: list[str], date_column: str | None
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Return the accepted and the rejected rows in the form of the platform."""
    names = np.array(list(rules))
    broken = np.column_stack([rule.to_numpy(dtype=bool) for rule in rules.values()])
    bad = broken.any(axis=1)
    lost = rows[bad]
    rejected = pd.DataFrame(
        {
            "dataset": dataset,
            "source_file": f"{dataset}.parquet",
            "source_row": np.flatnonzero(bad) + 1,
            "record_key": lost[key].astype(str).agg(" | ".join, axis=1) if len(lost) else "",
            "customer_id": lost.customer_id,
            "record_date": lost[date_column] if date_column else None,
            "broken_rules": [sorted(names[which]) for which in broken[bad]],
            "raw_record": [json.dumps(record, default=str) for record in lost.to_dict("records")],
        }
    )
    kept = rows[~bad]
    accepted = kept.assign(source_file=f"{dataset}.parquet", source_row=np.flatnonzero(~bad) + 1)
    if len(rows) != len(rejected) + len(accepted):
        raise ValueError(f"{dataset}: rows were lost")
    return kept.copy(), {f"quarantine.{dataset}": rejected, f"journey.{lookup}": accepted}


KEYS = {"journey.state_entries": ["customer_id", "state_entered_at", "journey_stage"], "journey.signals": ["signal_id"]}


def _check(name: str, frame: pd.DataFrame) -> None:
    """Check what every contract requires: a unique key and valid numbers."""
    key = ["source_row"] if name.startswith("quarantine.") else KEYS.get(name, ["customer_id"])
    if frame[key].isna().any(axis=None) or frame.duplicated(key).any():
        raise ValueError(f"{name}: a key is missing or duplicate")
    numbers = frame.select_dtypes("number")
    if np.isinf(numbers.to_numpy(dtype=float)).any() or numbers.lt(0).any(axis=None):
        raise ValueError(f"{name}: a number is out of range")


def _combined(seen: pd.DataFrame, severity: str) -> pd.DataFrame:
    """Combine the severities of each customer as independent probabilities."""
    negative, positive = seen[seen.is_negative], seen[seen.is_positive]
    combined = pd.DataFrame({"negative_severity": negative.groupby("customer_id")[severity].sum()})
    calm = (1 - negative[severity]).groupby(negative.customer_id).prod()
    combined = combined.join(positive.groupby("customer_id")[severity].agg(["sum", "max"]), how="outer")
    combined["aggregated_risk_score"] = (1 - calm.reindex(combined.index).fillna(1)) * (
        1 - 0.5 * combined["max"].fillna(0)
    )
    return combined.drop(columns="max").rename(columns={"sum": "positive_severity"})


def _filled(rows: pd.DataFrame, lists: str, score: str) -> pd.DataFrame:
    """Add zeros and empty lists for customers without signals, and round."""
    keep = {"average_signal_strength", "max_signal_strength", "average_source_trust", "customer_id", lists}
    zeros = [name for name in rows.columns if name not in keep and rows[name].dtype.kind in "if"]
    rows[zeros] = rows[zeros].fillna(0)
    rows[lists] = [types if isinstance(types, list) else [] for types in rows[lists]]
    rows[score] = rows[score].fillna(0)
    return rows.round(6)


def with_loops(data: Path, database: Path, as_of: date, columns: dict[str, list[str]]) -> None:
    """Build the tables with the given columns in loops over rows."""
    rejected: dict[str, list[Any]] = defaultdict(list)
    customers: dict[str, dict[str, Any]] = {}
    for number, row in enumerate(_rows(data, "customers"), start=1):
        if row["account_value"] < 0 or row["segment"] not in ("SMB", "Mid-Market", "Enterprise"):
            rejected["customers"].append((number, row["customer_id"]))
        else:
            customers[row["customer_id"]] = row
    entries = defaultdict(list)
    for number, row in enumerate(_rows(data, "journey_state_log"), start=1):
        if row["customer_id"] not in customers or row["journey_stage"] not in STAGES:
            rejected["journey_state_log"].append((number, row["customer_id"]))
        else:
            entries[row["customer_id"]].append(row)
    best: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for number, row in enumerate(_rows(data, "signals"), start=1):
        if row["customer_id"] not in customers or not 0 <= row["signal_strength"] <= 1 or row["source"] not in TRUST:
            rejected["signals"].append((number, row["customer_id"]))
            continue
        place = (row["customer_id"], row["signal_type"], row["detected_at"])
        rank = (-TRUST[row["source"]], -row["signal_strength"], row["signal_id"], number, row)
        if place in best:
            loser, rank = (rank, best[place]) if best[place][:3] < rank[:3] else (best[place], rank)
            rejected["signals"].append((loser[3], row["customer_id"]))
        best[place] = rank
    signals = defaultdict(list)
    for *_, row in best.values():
        signals[row["customer_id"]].append(row)
    outcomes: dict[str, tuple[Any, ...]] = {}
    for row in _rows(data, "outcomes"):
        if row["measured_at"] <= as_of:
            found = (row["measured_at"], row["outcome_id"], row["outcome"])
            outcomes[row["intervention_id"]] = max(found, outcomes.get(row["intervention_id"], found))
    settled = {
        (row["customer_id"], signal_id)
        for row in _rows(data, "interventions")
        if not row["requires_human_approval"]
        and outcomes.get(row["intervention_id"], ("", "", ""))[2] in ("resolved", "improved_engagement")
        for signal_id in row["triggered_by_signals"]
    }
    written: dict[str, list[Any]] = defaultdict(list)
    for customer_id, customer in customers.items():
        _one_customer(customer, entries[customer_id], signals[customer_id], settled, as_of, written)
    written["journey.customers"] = [tuple(row.values()) for row in customers.values()]
    written["journey.state_entries"] = [tuple(row.values()) for rows in entries.values() for row in rows]
    written["journey.signals"] = [tuple(row.values()) for rows in signals.values() for row in rows]
    written |= {f"quarantine.{name}": rejected[name] for name in ("customers", "journey_state_log", "signals")}
    with duckdb.connect(str(database)) as connection:
        connection.execute("CREATE SCHEMA quarantine; CREATE SCHEMA journey")
        for name, rows in written.items():
            path = database.with_suffix(".csv")
            with path.open("w", newline="", encoding="utf-8") as target:
                csv.writer(target).writerows(rows)
            names = columns[name][: len(rows[0])] if rows else []
            if rows:
                connection.execute(f"CREATE TABLE {name} AS FROM read_csv('{path}', header = false, names = {names})")
            path.unlink()


def _rows(data: Path, name: str) -> Iterator[dict[str, Any]]:
    with duckdb.connect() as connection:
        found = connection.execute(f"FROM '{data / name}.parquet'")
        names = [column[0] for column in found.description]
        while batch := found.fetchmany(10_000):
            for row in batch:
                yield dict(zip(names, row, strict=True))


def _one_customer(
    customer: dict[str, Any],
    entries: list[dict[str, Any]],
    signals: list[dict[str, Any]],
    settled: set[tuple[str, str]],
    as_of: date,
    written: dict[str, list[Any]],
) -> None:
    customer_id = customer["customer_id"]
    past = sorted((row for row in entries if row["state_entered_at"] <= as_of), key=lambda row: row["state_entered_at"])
    stage = before = entered = days = reported = None
    kind = "unknown"
    if past:
        stage, entered, reported = (past[-1][name] for name in ("journey_stage", "state_entered_at", "days_in_state"))
        before = past[-2]["journey_stage"] if len(past) > 1 else past[-1]["previous_stage"]
        days = (as_of - entered).days
        kind = transition(before, stage)
    written["journey.journey_states"].append(
        (customer_id, customer["segment"], stage, entered, days, reported, before, kind)
    )
    seen = [row for row in signals if as_of - timedelta(days=90) <= row["detected_at"] <= as_of]
    ages = [(as_of - row["detected_at"]).days for row in seen]
    severities = [row["signal_strength"] * TRUST[row["source"]] * FACTOR.get(row["signal_type"], 0) for row in seen]
    negative, positive, score = _evidence(seen, severities)
    strengths = [row["signal_strength"] for row in seen]
    counts = sum(row["signal_type"] in NEGATIVE for row in seen), sum(row["signal_type"] in POSITIVE for row in seen)
    written["journey.aggregated_signals"].append(
        (
            customer_id,
            len(seen),
            *counts,
            round(math.fsum(strengths) / len(seen), 6) if seen else None,
            round(max(strengths), 6) if seen else None,
            sorted({row["signal_type"] for row in seen}),
            round(negative, 6),
            round(positive, 6),
            round(math.fsum(TRUST[row["source"]] for row in seen) / len(seen), 6) if seen else None,
            round(score, 6),
        )
    )
    score = round(score, 6)
    counted = [place for place, row in enumerate(seen) if (customer_id, row["signal_id"]) not in settled]
    faded = [severities[place] * 0.5 ** (ages[place] / 14) for place in counted]
    negative, positive, fused = _evidence([seen[place] for place in counted], faded)
    bad = [place for place in counted if seen[place]["signal_type"] in NEGATIVE]
    recent = round(math.fsum(severities[place] for place in bad if ages[place] < 7) / 7, 6)
    earlier = round(math.fsum(severities[place] for place in bad if 7 <= ages[place] < 30) / 23, 6)
    worse, better = round(earlier * 1.25, 6), round(earlier * 0.75, 6)
    trend = "worsening" if recent > worse else "improving" if recent < better else "stable"
    dates = [seen[place]["detected_at"] for place in counted]
    written["journey.fused_signals"].append(
        (
            customer_id,
            len(counted),
            len(seen) - len(counted),
            sorted({seen[place]["signal_type"] for place in counted}),
            round(negative, 6),
            round(positive, 6),
            round(fused, 6),
            sum(ages[place] < 7 for place in bad),
            sum(ages[place] < 30 for place in bad),
            recent,
            earlier,
            trend if counted else None,
            min(dates, default=None),
            max(dates, default=None),
        )
    )
    reasons = []
    has_left = stage == "churned"
    threshold = THRESHOLD.get(stage or "")
    if not has_left:
        if customer["tenure_months"] <= 3 and (counts[0] > 0 or kind == "invalid"):
            reasons.append("early_tenure_friction")
        if days is not None and days > (threshold or 1.5 * TYPICAL[stage or ""]):
            reasons.append(f"exceeded_typical_{stage}_duration")
        if counts[0] >= 2:
            reasons.append("multiple_negative_signals")
    health = "critical" if threshold and days is not None and days > 1.5 * threshold else None
    health = None if stage is None or has_left else health or ("at_risk" if reasons else "healthy")
    written["journey.journey_evaluations"].append((customer_id, stage, days, bool(reasons), reasons, health))


def _evidence(seen: Iterable[dict[str, Any]], severities: list[float]) -> tuple[float, float, float]:
    """Return negative and positive severity, and the combined risk."""
    negative = positive = strongest = 0.0
    calm = 1.0
    for row, severity in zip(seen, severities, strict=True):
        if row["signal_type"] in NEGATIVE:
            negative += severity
            calm *= 1 - min(severity, 1)
        elif row["signal_type"] in POSITIVE:
            positive += severity
            strongest = max(strongest, severity)
    return negative, positive, (1 - calm) * (1 - 0.5 * strongest)
