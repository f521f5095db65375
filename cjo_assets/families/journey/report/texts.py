"""Texts of a day of the journey that a language model may word, and the words of the rules otherwise.

A day that is run again with the same figures has the same texts. After a call that failed the rest of a day is not
tried.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from cjo_assets.core.approval_status import APPROVED, PENDING
from cjo_assets.engine.store import Store
from cjo_assets.families.journey.inputs.interventions import MONITOR_ONLY
from cjo_assets.families.journey.interventions._ledger import NOT_REQUIRED
from cjo_assets.families.journey.purposes import MESSAGE, SUMMARY
from cjo_assets.families.journey.report.messages import rule_based_message
from cjo_assets.families.journey.report.requests import asking_of, message_request, summary_request
from cjo_assets.families.journey.report.summary import rule_based_summary
from cjo_assets.language.answers import Judgement, judged
from cjo_assets.language.client import NOT_CONFIGURED, Endpoint, ask
from cjo_assets.language.memory import NOT_TRIED, Ask, asked, remembered
from cjo_assets.language.requests import Request
from cjo_assets.policy import Policy
from cjo_assets.reporting.summary import Figure, Summary

TEXTS = ("journey", "phrased_texts")
FIGURES_CHANGED = "its figures have changed since it was phrased"

Row = dict[str, Any]


@dataclass(frozen=True)
class Draft:
    """A text for a language model to word.

    Attributes:
        request: the request.
        rule_based: the text of the rules, used if the answer is rejected.
        intervention: the intervention of a message; None for the summary.
    """

    request: Request
    rule_based: str
    intervention: Row | None = None


def phrase_day(
    store: Store, as_of: date, policy: Policy, endpoint: Endpoint | None = None, ask_model: Ask = ask
) -> list[Row]:
    """Generate the texts of a day and return their rows.

    Args:
        store: the tables, with those of the day complete.
        as_of: the day.
        policy: the texts to generate, and the settings of the model.
        endpoint: the model's endpoint; from the environment unless given.
        ask_model: the client function.
    """
    endpoint = endpoint or Endpoint.from_environment()
    texts: list[Row] = []
    problem = NOT_CONFIGURED if endpoint is None else endpoint.problem()
    for draft in drafts_of_day(store, as_of, policy):
        asking = asking_of(policy.journey.reporting)
        judgement = remembered(store, draft.request, asking)
        if judgement is None and problem is None and endpoint is not None:
            judgement, has_failed = asked(store, as_of, policy, draft.request, asking, endpoint, ask_model)
            problem = NOT_TRIED if has_failed else None
        texts.append(_text(draft, judgement or Judgement(problem=problem), policy))
    if texts:
        store.record(store.tables[TEXTS], as_of, texts, policy)
    else:
        store.connection.execute("DELETE FROM journey.phrased_texts WHERE as_of = ?", [as_of])
    return texts


def drafts_of_day(store: Store, as_of: date, policy: Policy) -> list[Draft]:
    """Return the texts that the policy enables, the summary first."""
    rules = policy.journey.reporting
    drafts = []
    if rules.enable_reporting and rules.enable_llm_summary:
        day, roi, kpi_status = _figures(store, as_of)
        rule_based = rule_based_summary(day, roi, kpi_status).text
        drafts.append(Draft(summary_request(day, roi, kpi_status, rules), rule_based))
    if rules.enable_llm_personalization:
        drafts += [
            Draft(message_request(row, rules), rule_based_message(row), row)
            for row in _interventions(store, as_of, rules.llm_personalization_max_interventions)
        ]
    return drafts


def summary_of_day(store: Store, as_of: date, policy: Policy) -> Summary | None:
    """Return the paragraph of the day's generated text; None where the policy disables it."""
    rules = policy.journey.reporting
    if not rules.enable_llm_summary:
        return None
    rows = store.rows("FROM journey.phrased_texts WHERE as_of = ? AND purpose = ?", as_of, SUMMARY)
    day, roi, kpi_status = _figures(store, as_of)
    request = summary_request(day, roi, kpi_status, rules)
    if not rows or rows[0]["request_hash"] != request.request_hash:
        return rule_based_summary(day, roi, kpi_status, FIGURES_CHANGED if rows else None)
    if rows[0]["model"] is None:
        return rule_based_summary(day, roi, kpi_status, rows[0]["fallback_reason"])
    found = judged(rows[0]["text"], request, rules.llm_max_characters)
    if found.problem is not None:
        return rule_based_summary(day, roi, kpi_status, found.problem)
    return Summary(found.passages, rows[0]["model"])


def _figures(store: Store, as_of: date) -> tuple[Row, Row, list[Row]]:
    [day] = store.rows("FROM journey.journey_summary WHERE as_of = ?", as_of)
    [roi] = store.rows("FROM journey.roi_estimate WHERE as_of = ?", as_of)
    return day, roi, store.rows("FROM journey.kpi_status WHERE as_of = ? ORDER BY family", as_of)


def _interventions(store: Store, as_of: date, most: int) -> list[Row]:
    """Return the most urgent interventions that are or may be carried out, with a playbook."""
    return store.rows(
        """SELECT decisions.intervention_id, decisions.customer_id, decisions.segment, decisions.journey_stage,
            decisions.playbook_name, decisions.recommended_action, states.state_entered_at, states.days_in_state
        FROM journey.recommended_interventions AS decisions
        JOIN journey.outcome_analyses AS followed USING (as_of, intervention_id)
        JOIN journey.journey_states AS states ON states.as_of = decisions.as_of
            AND states.customer_id = decisions.customer_id
        WHERE decisions.as_of = ? AND decisions.recommended_action <> ? AND decisions.playbook_id IS NOT NULL
            AND NOT decisions.is_held_out AND followed.approval_status IN (?, ?, ?)
        ORDER BY decisions.priority_score DESC, decisions.customer_id LIMIT ?""",
        as_of,
        MONITOR_ONLY,
        NOT_REQUIRED,
        PENDING,
        APPROVED,
        most,
    )


def _text(draft: Draft, judgement: Judgement, policy: Policy) -> Row:
    is_phrased = judgement.problem is None
    phrased = "".join(part.text if isinstance(part, Figure) else part for part in judgement.passages)
    intervention = draft.intervention or {}
    return {
        "purpose": MESSAGE if draft.intervention else SUMMARY,
        "intervention_id": intervention.get("intervention_id"),
        "customer_id": intervention.get("customer_id"),
        "text": phrased if is_phrased else draft.rule_based,
        "model": policy.journey.reporting.llm_model if is_phrased else None,
        "fallback_reason": judgement.problem,
        "request_hash": draft.request.request_hash,
    }
