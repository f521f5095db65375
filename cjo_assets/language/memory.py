"""Record of the calls of the language model: a request that has an answer is not made again.

An answer cannot be computed again, so each call is recorded before its answer is used. A call that failed is made again
by the next run.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from cjo_assets.core.progress import report_message
from cjo_assets.engine.store import Store
from cjo_assets.language.answers import Judgement, Reply, judged
from cjo_assets.language.client import Endpoint
from cjo_assets.language.outcomes import FAILED, REJECTED, USED
from cjo_assets.language.requests import Asking, Request
from cjo_assets.policy import Policy

CALLS = ("audit", "language_model_calls")
NOT_TRIED = "an earlier call of the day had failed"

Ask = Callable[[Endpoint, dict[str, Any], float], Reply]


def remembered(store: Store, request: Request, asking: Asking) -> Judgement | None:
    """Return the result of an earlier call with the same request; None where none had an answer."""
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
    """Call the model and record the call; return the validated answer, and whether the call failed."""
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
