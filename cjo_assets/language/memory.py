"""What a policy wants put into words: asked once, recorded, and read again ever after.

Belongs here: which texts a day has, the memory of answers, and when the model is left alone. Does not belong here: what
is asked and what is taken (`language/`), and the call (`language_model.py`).

An answer cannot be computed again. So every call is recorded before its answer is used, and a request that has an
answer, used or rejected, is not made again: a day that is run anew with the same figures has the same texts. A call
that failed is made again by the next run; after one that failed the rest of a day is not tried.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from cjo_assets.core.progress import report_message
from cjo_assets.engine.store import Store
from cjo_assets.families.audit.language.language_model_calls import FAILED, MESSAGE, REJECTED, SUMMARY, USED
from cjo_assets.families.journey.inputs.interventions import MONITOR_ONLY
from cjo_assets.families.journey.interventions._ledger import APPROVED, NOT_REQUIRED, PENDING
from cjo_assets.families.journey.report.messages import rule_based_message
from cjo_assets.language.answers import Judgement, Reply, judged
from cjo_assets.language.client import NOT_CONFIGURED, Endpoint, ask
from cjo_assets.language.requests import Asking, Request, message_request, summary_request
from cjo_assets.policy import Policy
from cjo_assets.reporting.summary import Figure, Summary, rule_based_summary

PHRASED_FAMILY = "journey"
CALLS, TEXTS = ("audit", "language_model_calls"), (PHRASED_FAMILY, "phrased_texts")
NOT_TRIED = "an earlier call of the day had failed"
FIGURES_CHANGED = "its figures have changed since it was phrased"

Row = dict[str, Any]
Ask = Callable[[Endpoint, dict[str, Any], float], Reply]


@dataclass(frozen=True)
class Draft:
    """A text to be phrased.

    Attributes:
        request: what is asked.
        rule_based: what stands if the answer does not hold.
        intervention: what a message goes with; None for the summary.
    """

    request: Request
    rule_based: str
    intervention: Row | None = None


def phrase_day(
    store: Store, as_of: date, policy: Policy, endpoint: Endpoint | None = None, ask_model: Ask = ask
) -> list[Row]:
    """Put into words what the policy wants of a day, and return the rows of its texts.

    Args:
        store: the tables, those of the day done.
        as_of: the day.
        policy: what is wanted, and how the model is asked.
        endpoint: where to ask; what the environment says unless given.
        ask_model: how to ask.
    """
    endpoint = endpoint or Endpoint.from_environment()
    texts: list[Row] = []
    problem = NOT_CONFIGURED if endpoint is None else endpoint.problem()
    for draft in drafts_of_day(store, as_of, policy):
        asking = Asking.of_journey(policy.journey.reporting)
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
    """Return what the policy wants put into words, the summary first."""
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
    """Return the paragraph that a language model was to phrase, or None where it was not to."""
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
    """Return the most urgent interventions that are, or may yet be, carried out for a customer with a playbook."""
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


def remembered(store: Store, request: Request, asking: Asking) -> Judgement | None:
    """Return what became of the request when it was made before; None where it never had an answer."""
    rows = store.rows(
        "SELECT answer, outcome, reason FROM audit.language_model_calls "
        "WHERE request_hash = ? AND answer IS NOT NULL ORDER BY started_at LIMIT 1",
        request.request_hash,
    )
    if not rows:
        return None
    judgement = judged(rows[0]["answer"], request, asking.max_characters)
    if rows[0]["outcome"] == REJECTED and judgement.problem is None:
        return Judgement(problem=rows[0]["reason"])
    return judgement


def asked(
    store: Store,
    as_of: date,
    policy: Policy,
    request: Request,
    asking: Asking,
    endpoint: Endpoint,
    ask_model: Ask,
) -> tuple[Judgement, bool]:
    """Ask, record the call, and return the judgement, and whether nothing came back."""
    started_at, started = datetime.now(UTC).replace(tzinfo=None), time.monotonic()
    reply = ask_model(endpoint, request.body, asking.timeout_seconds)
    duration = time.monotonic() - started
    judgement = Judgement(problem=reply.problem, detail=reply.detail)
    if reply.text is not None and reply.problem is None:
        judgement = judged(reply.text, request, asking.max_characters)
    outcome = FAILED if reply.text is None else REJECTED if judgement.problem else USED
    call = {
        "purpose": request.purpose,
        "model": asking.model,
        "request_hash": request.request_hash,
        "outcome": outcome,
        "reason": ": ".join(part for part in (judgement.problem, judgement.detail) if part) or None,
        "answer": reply.text,
        "prompt_tokens": reply.prompt_tokens,
        "completion_tokens": reply.completion_tokens,
        "started_at": started_at,
        "duration": duration,
    }
    store.record(store.tables[CALLS], as_of, [call], policy)
    if judgement.problem is not None:
        report_message(f"The rules phrase a {request.purpose} of {as_of}, since {judgement.problem}.")
    return judgement, outcome == FAILED


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
