"""Simulated lives as rows of the journey datasets.

Ids count within a customer (`SYN_S0000001_0002` is the second signal of customer 1), so the rows of a customer are the
same whatever the number of customers.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow

from cjo_assets.families.journey.inputs import (
    approval_decisions,
    customers,
    interventions,
    outcomes,
    playbooks,
    signals,
    state_entries,
)
from cjo_assets.families.journey.inputs.interventions import MONITOR_ONLY
from cjo_assets.families.journey.synth.journeys import APPROVED, AUTOMATED, MANUAL, NOT_ASKED, UNANSWERED, Lives
from cjo_assets.families.journey.synth.model import Model
from cjo_assets.families.journey.synth.world import World
from cjo_assets.policy import Policy
from cjo_assets.synth.columns import (
    NOBODY,
    Numbers,
    Span,
    as_contracted,
    date_column,
    id_column,
    name_column,
    row_id_column,
)

DATASETS = {
    module.DATASET.name: module.DATASET
    for module in (customers, playbooks, state_entries, signals, interventions, outcomes, approval_decisions)
}
PERFORMANCE_LOG = "playbook_performance_log"
DAYS_PER_MONTH = 30.4375
CUSTOMER_DIGITS = 7
CRM_UNKNOWN, CRM_MEDIUM, CRM_HIGH, CRM_TROUBLE = 0.03, 0.55, 0.85, 0.35
UNSAID_CSAT, UNSAID_RISK = 7, 5
ANSWERERS = tuple(f"reviewer.{number:02}" for number in range(1, 9))
LOG_RUNS = (5, 60)


def tables_of(
    model: Model, lived: Lives, span: Span, policy: Policy, number: pyarrow.Array, count: int
) -> dict[str, pyarrow.Table]:
    """Return the rows of the first customers of a chunk, by dataset.

    Args:
        model: the world they lived in.
        lived: their simulated lives.
        span: the days of the log.
        policy: words for outcomes, sources and refusals.
        number: numbers of the chunk's customers, as their ids have them.
        count: customers to keep.
    """
    made = {
        "customers": _customers(model, lived, span, number),
        "journey_state_log": _entries(model, lived, span, number),
        "signals": _signals(model, lived, policy, number),
        "interventions": _interventions(model, lived, number),
    }
    acts, succeeded = lived.interventions, lived.interventions["succeeded"]
    measured = acts["is_executed"] & acts["is_measured"] & (acts["measured_day"] <= span.last_day)
    answered = ~np.isin(acts["answer"], (UNANSWERED, NOT_ASKED))
    made["outcomes"] = _outcomes(model, lived, policy, number, succeeded).filter(pyarrow.array(measured))
    made["approval_decisions"] = _answers(lived, policy, number).filter(pyarrow.array(answered))
    owners = {
        "customers": lived.customers,
        "journey_state_log": lived.entries,
        "signals": lived.signals,
        "interventions": acts,
        "outcomes": {"customer": acts["customer"][measured]},
        "approval_decisions": {"customer": acts["customer"][answered]},
    }
    return {
        name: as_contracted(
            DATASETS[name].contract, table.slice(0, int(np.searchsorted(owners[name]["customer"], count)))
        )
        for name, table in made.items()
    }


def playbook_table(world: World, since: date) -> pyarrow.Table:
    """Return the playbooks."""
    rows = [
        {
            "playbook_id": playbook.playbook_id,
            "name": playbook.name,
            "journey_stage": playbook.journey_stage,
            "eligible_segments": list(playbook.eligible_segments),
            "trigger_signals": list(playbook.trigger_signals),
            "risk_threshold": playbook.risk_threshold,
            "default_actions": [playbook.action],
            "approval_required": playbook.approval_required,
            "avg_cost_estimate": playbook.cost,
            "expected_value_range": list(playbook.value_range),
            "fallback_playbook_id": playbook.fallback,
            "created_at": since,
            "status": "active",
        }
        for playbook in world.playbooks
    ]
    return as_contracted(playbooks.Playbooks, pyarrow.Table.from_pylist(rows))


def performance_log(world: World, since: date, chance: np.random.Generator) -> pyarrow.Table:
    """Return what an earlier system would have logged: honest counts, from before the first customer."""
    rows = []
    for playbook in world.playbooks:
        for segment in filter(playbook.is_for, world.segments):
            runs = int(chance.integers(*LOG_RUNS))
            rate = round(chance.binomial(runs, world.success_probability(playbook, segment)) / runs, 4)
            value = sum(playbook.value_range) / 2
            rows.append(
                {
                    "playbook_id": playbook.playbook_id,
                    "segment": segment,
                    "runs": runs,
                    "success_rate": rate,
                    "avg_cost": playbook.cost,
                    "avg_value": value,
                    "roi_ratio": round(rate * value / playbook.cost, 2),
                    "override_rate": round(chance.binomial(runs, world.override_share) / runs, 4),
                    "last_updated": since,
                }
            )
    return pyarrow.Table.from_pylist(rows)


def _customers(model: Model, lived: Lives, span: Span, number: pyarrow.Array) -> pyarrow.Table:
    rows = lived.customers
    is_in_trouble = np.append(model.chances.is_bad, False)[rows["last_stage"]]
    opinion = rows["crm_noise"] + np.where(is_in_trouble, CRM_TROUBLE, 0.0)
    tier = np.select([opinion >= CRM_HIGH, opinion >= CRM_MEDIUM], ["high", "medium"], "low")
    return pyarrow.table(
        {
            "customer_id": id_column("SYN_C", number),
            "segment": name_column(model.chances.segments, rows["segment"]),
            "account_value": rows["account_value"],
            "tenure_months": ((span.last_day - rows["first_day"]) / DAYS_PER_MONTH).astype(np.int64),
            "risk_tier": pyarrow.array(tier.astype(object), pyarrow.string(), mask=rows["crm_noise"] < CRM_UNKNOWN),
        }
    )


def _entries(model: Model, lived: Lives, span: Span, number: pyarrow.Array) -> pyarrow.Table:
    rows = lived.entries
    until = np.append(rows["day"][1:], span.last_day)
    is_last = np.append(rows["customer"][1:] != rows["customer"][:-1], True)
    return pyarrow.table(
        {
            "customer_id": id_column("SYN_C", number.take(pyarrow.array(rows["customer"]))),
            "journey_stage": name_column(model.chances.stages, rows["stage"]),
            "state_entered_at": date_column(rows["day"]),
            "days_in_state": np.where(is_last, span.last_day, until) - rows["day"],
            "previous_stage": name_column(model.chances.stages, rows["previous"]),
        }
    )


def _signals(model: Model, lived: Lives, policy: Policy, number: pyarrow.Array) -> pyarrow.Table:
    rows = lived.signals
    # The first source is the automated one; the last is a person.
    sources = {AUTOMATED: policy.vocabulary.sources[0], MANUAL: policy.vocabulary.sources[-1]}
    return pyarrow.table(
        {
            "signal_id": row_id_column("SYN_S", rows["customer"], number),
            "customer_id": id_column("SYN_C", number.take(pyarrow.array(rows["customer"]))),
            "signal_type": name_column(model.types, rows["kind"]),
            "signal_strength": rows["strength"],
            "detected_at": date_column(rows["day"]),
            "journey_stage": name_column(model.chances.stages, rows["stage"]),
            "source": name_column([sources[MANUAL], sources[AUTOMATED]], rows["source"]),
        }
    )


def _interventions(model: Model, lived: Lives, number: pyarrow.Array) -> pyarrow.Table:
    rows, playbooks = lived.interventions, model.world.playbooks
    signal_ids = row_id_column("SYN_S", lived.signals["customer"], number)
    named = signal_ids.take(pyarrow.array(lived.triggers["signal"]))
    ends = np.searchsorted(lived.triggers["intervention"], np.arange(rows["customer"].size + 1))
    return pyarrow.table(
        {
            "intervention_id": row_id_column("SYN_I", rows["customer"], number),
            "customer_id": id_column("SYN_C", number.take(pyarrow.array(rows["customer"]))),
            "journey_stage": name_column(model.chances.stages, rows["stage"]),
            "recommended_action": name_column([playbook.action for playbook in playbooks], rows["playbook"]),
            "confidence": rows["confidence"],
            "requires_human_approval": rows["answer"] != NOT_ASKED,
            "triggered_by_signals": pyarrow.ListArray.from_arrays(pyarrow.array(ends, pyarrow.int32()), named),
            "evaluation_latency_ms": rows["latency"],
            "generated_at": date_column(rows["day"]),
            "playbook_id": name_column([playbook.playbook_id for playbook in playbooks], rows["playbook"]),
            "expected_cost": np.array([playbook.cost for playbook in playbooks])[rows["playbook"]],
            "expected_value": model.value_range.mean(axis=1)[rows["playbook"]],
        }
    )


def _outcomes(model: Model, lived: Lives, policy: Policy, number: pyarrow.Array, succeeded: Numbers) -> pyarrow.Table:
    rows, words = lived.interventions, policy.vocabulary.outcomes
    good = [word for word in words if word in policy.journey.learning.success_outcomes]
    bad = [word for word in words if word not in (*good, MONITOR_ONLY)]
    word = np.where(succeeded, rows["nuance"] % len(good), len(good) + rows["nuance"] % len(bad))
    return pyarrow.table(
        {
            "outcome_id": row_id_column("SYN_O", rows["customer"], number),
            "intervention_id": row_id_column("SYN_I", rows["customer"], number),
            "customer_id": id_column("SYN_C", number.take(pyarrow.array(rows["customer"]))),
            "outcome": name_column([*good, *bad], word),
            "resolution_time_days": pyarrow.array(rows["resolution_days"].astype(float), mask=~succeeded),
            "csat_delta": pyarrow.array(rows["csat"].astype(float), mask=rows["nuance"] % UNSAID_CSAT == 0),
            "churn_risk_delta": pyarrow.array(rows["risk_change"], mask=rows["nuance"] % UNSAID_RISK == 0),
            "estimated_revenue_saved": rows["saved"],
            "human_override": rows["is_overridden"],
            "measured_at": date_column(rows["measured_day"]),
            "playbook_id": name_column([playbook.playbook_id for playbook in model.world.playbooks], rows["playbook"]),
            "playbook_success": succeeded,
        }
    )


def _answers(lived: Lives, policy: Policy, number: pyarrow.Array) -> pyarrow.Table:
    rows, categories = lived.interventions, policy.journey.approval.rejection_categories
    is_yes = rows["answer"] == APPROVED
    instant = (rows["day"] * 86_400 + rows["answer_second"]).astype("datetime64[s]")
    decided_at = pyarrow.array(np.datetime_as_string(instant, timezone="UTC"))
    return pyarrow.table(
        {
            "intervention_id": row_id_column("SYN_I", rows["customer"], number),
            "decision": name_column(("rejected", "approved"), is_yes.astype(np.int64)),
            "decided_at": decided_at,
            "decided_by": name_column(ANSWERERS, rows["answerer"] % len(ANSWERERS)),
            "category": name_column(categories, np.where(is_yes, NOBODY, rows["nuance"] % len(categories))),
        }
    )
