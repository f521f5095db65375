"""Days written by hand: decisions, answers, and the expected status of each by the end of D."""

from datetime import datetime
from typing import Any

import ibis.expr.types as ir

from cjo_assets.families.journey.decision.recommended_interventions import RecommendedInterventions
from cjo_assets.families.journey.evaluation.journey_states import JourneyStates
from cjo_assets.families.journey.inputs.approval_decisions import ApprovalDecisions
from cjo_assets.families.journey.inputs.customers import Customers
from cjo_assets.families.journey.inputs.interventions import Interventions
from cjo_assets.families.journey.inputs.playbooks import Playbooks
from cjo_assets_tests.support.rows import Row, Rows, day, days_of, instant, table_of

TWO_DAYS = 2880.0
SWITCH = "policy:auto_approve_for_testing"


def decided(case: str, offset: int, *, name: str | None = None, content: str = "as requested", **cells: Any) -> Row:
    """Return a decision of a case some days from D, with an approval request by default."""
    shared = {"as_of": day(offset), "customer_id": case, "need_id": f"need of {case}", "intervention_id": name or case}
    asked = {"approval_regime": "asked", "approval_role": "csm", "approval_timeout_minutes": TWO_DAYS}
    what = {"recommended_action": "call", "expected_cost": 100.0, "decision_hash": f"{case}: {content}"}
    return shared | asked | what | {"journey_stage": "support", "generated_at": day(-2)} | cells


def said(case: str, by: str, moment: str, decision: str = "approved", **cells: Any) -> Row:
    """Return an answer."""
    return {"intervention_id": case, "decision": decision, "decided_by": by, "decided_at": instant(moment)} | cells


DEARER: Row = {"content": "dearer", "expected_cost": 120.0}
FREE: Row = {"approval_regime": "not_required", "approval_role": None, "approval_timeout_minutes": None}
OURS: Rows = [
    decided("unchanged", -2),
    decided("unchanged", -1),
    decided("unchanged", 0),
    # It waits, and on D the same need costs more: a decision of its own.
    decided("changed", -2),
    decided("changed", -1),
    decided("changed", 0, name="changed again", generated_at=day(0), **DEARER),
    decided("gone", -2),
    decided("gone, answered after", -2),
    decided("gone, answered that day", -2),
    decided("approved, then changed", -2),
    decided("approved, then changed", -1),
    decided("approved, then changed", 0, **DEARER),
    decided("rejected, then changed", -2),
    decided("rejected, then changed", -1, **DEARER),
    decided("approved, then gone", -2),
    # No approval was required on its first day, but on the next.
    decided("requested later", -2, content="free", **FREE),
    *(decided("requested later", offset, approval_reasons=["high_risk_tier"]) for offset in (-1, 0)),
    *(
        decided(case, offset, needs_two_people=True)
        for case in ("two, one so far", "two", "two, same person", "two, one against", "two, against at once")
        for offset in (-2, -1, 0)
    ),
    *(
        decided(case, offset, approval_role="manager", entitled_approvers=["eva", "mia"])
        for case in ("for a manager", "for a manager, by any")
        for offset in (-2, -1, 0)
    ),
    *(decided("other content", offset) for offset in (-2, -1, 0)),
    *(decided("that content", offset) for offset in (-2, -1, 0)),
    *(decided("twice decided", offset) for offset in (-2, -1, 0)),
    *(decided("answered too early", offset) for offset in (-2, -1, 0)),
    *(decided("held out", offset, is_held_out=True) for offset in (-2, -1, 0)),
    *(decided("waived", offset, **FREE | {"approval_regime": "waived_by_policy"}) for offset in (-2, -1, 0)),
    *(
        decided(case, offset, approval_regime="auto_approved")
        for case in ("switch", "before the switch", "after the switch")
        for offset in (-2, -1, 0)
    ),
]
NOON, LATER = "2025-01-19T12:00:00", "2025-01-19T13:00:00"
ANSWERS: Rows = [
    said("gone, answered after", "ann", "2025-01-20T12:00:00"),
    said("gone, answered that day", "ann", NOON),
    said("approved, then changed", "ann", NOON),
    said("rejected, then changed", "ann", "2025-01-18T12:00:00", "rejected", category="too_expensive"),
    said("approved, then gone", "ann", "2025-01-18T23:00:00"),
    said("two, one so far", "ann", NOON),
    said("two", "zoe", NOON),
    said("two", "ann", LATER),
    said("two", "bob", "2025-01-19T14:00:00"),
    said("two, same person", "ann", NOON),
    said("two, same person", "ann", LATER),
    said("two, one against", "ann", NOON),
    said("two, one against", "bob", LATER, "rejected"),
    said("two, one against", "zoe", "2025-01-19T14:00:00"),
    # The second approval and a rejection in one instant: the rejection comes first.
    said("two, against at once", "ann", NOON),
    said("two, against at once", "bob", LATER),
    said("two, against at once", "zoe", LATER, "rejected"),
    said("for a manager", "mia", NOON),
    said("for a manager, by any", "ann", NOON),
    said("other content", "ann", NOON, decision_hash="other content: dearer"),
    said("that content", "ann", NOON, decision_hash="that content: as requested"),
    said("twice decided", "ann", NOON),
    said("twice decided", "bob", LATER, "rejected"),
    said("answered too early", "ann", "2025-01-17T23:59:59"),
    said("held out", "ann", NOON),
    said("waived", "ann", NOON, "rejected"),
    said("before the switch", "ann", "2025-01-18T12:00:00", "rejected"),
    said("after the switch", "ann", NOON, "rejected"),
    said("unchanged", "ann", "2025-01-21T00:00:00.000001"),
    said("I-000000000000", "ann", NOON),
]
# The history names the requester.
HISTORY: Rows = [
    {"intervention_id": name, "generated_at": day(-1), "requires_human_approval": True, "requested_by": by}
    for name, by in (("own request", "ann"), ("another's request", "bob"))
]
ANSWERS += [said("own request", "ann", NOON), said("another's request", "ann", NOON)]
ANN, THEN = "ann", datetime.fromisoformat
# status, decided by, decided at, stale reason, executed at
EXPECTED: dict[str, tuple[str, str | None, datetime | None, str | None, datetime | None]] = {
    "unchanged": ("pending", None, None, None, None),
    "changed": ("stale", None, None, "changed on 2025-01-20: expected_cost", None),
    "changed again": ("pending", None, None, None, None),
    "gone": ("stale", None, None, "no longer recommended on 2025-01-19", None),
    "gone, answered after": ("stale", None, None, "no longer recommended on 2025-01-19", None),
    # The day had not ended: the request was still pending.
    "gone, answered that day": ("approved", ANN, THEN(NOON), None, THEN(NOON)),
    # Executed as approved; the new content is not approved.
    "approved, then changed": ("stale", ANN, THEN(NOON), "changed on 2025-01-20: expected_cost", THEN(NOON)),
    "rejected, then changed": ("rejected", ANN, THEN("2025-01-18T12:00:00"), None, None),
    "approved, then gone": ("approved", ANN, THEN("2025-01-18T23:00:00"), None, THEN("2025-01-18T23:00:00")),
    "requested later": ("pending", None, None, None, THEN("2025-01-19")),
    "two, one so far": ("pending", None, None, None, None),
    "two": ("approved", "ann, zoe", THEN(LATER), None, THEN(LATER)),
    "two, same person": ("pending", None, None, None, None),
    "two, one against": ("rejected", "bob", THEN(LATER), None, None),
    "two, against at once": ("rejected", "zoe", THEN(LATER), None, None),
    "for a manager": ("approved", "mia", THEN(NOON), None, THEN(NOON)),
    "for a manager, by any": ("pending", None, None, None, None),
    "other content": ("pending", None, None, None, None),
    "that content": ("approved", ANN, THEN(NOON), None, THEN(NOON)),
    "twice decided": ("approved", ANN, THEN(NOON), None, THEN(NOON)),
    "answered too early": ("pending", None, None, None, None),
    "switch": ("approved", SWITCH, THEN("2025-01-19"), None, THEN("2025-01-19")),
    "before the switch": ("rejected", ANN, THEN("2025-01-18T12:00:00"), None, None),
    "after the switch": ("approved", SWITCH, THEN("2025-01-19"), None, THEN("2025-01-19")),
    "own request": ("pending", None, None, None, None),
    "another's request": ("approved", ANN, THEN(NOON), None, THEN(NOON)),
}
UNASKED = {"held out": None, "waived": THEN("2025-01-19")}
# Why an answer did not count, by case and person; the others did.
WITHOUT_EFFECT = {
    ("gone, answered after", "ann"): "given after the request went stale",
    ("two", "bob"): "given after the request was settled",
    ("two, same person", "ann"): "given a second time by the same person",
    ("two, one against", "zoe"): "given after the request was settled",
    ("two, against at once", "bob"): "given after the request was settled",
    ("for a manager, by any", "ann"): "given by somebody not entitled",
    ("other content", "ann"): "given for another content of the decision",
    ("twice decided", "bob"): "given after the request was settled",
    ("answered too early", "ann"): "given before anybody was asked",
    ("held out", "ann"): "nobody was asked",
    ("waived", "ann"): "nobody was asked",
    ("after the switch", "ann"): "the policy had approved already",
    ("unchanged", "ann"): "given after the latest day",
    ("I-000000000000", "ann"): "nobody was asked",
    ("own request", "ann"): "given to one's own request",
}


def inputs() -> dict[str, ir.Table]:
    """Return the tables of these days, as `approval_requests` names them."""
    shared = {"customer_id": "C1", "recommended_action": "call", "journey_stage": "support"}
    states = [{"as_of": day(past), "transition": "valid"} for past in (-2, -1, 0)]
    return {
        "interventions": table_of(Interventions, HISTORY, **shared),
        "all_recommended_interventions": days_of(RecommendedInterventions, OURS),
        "all_journey_states": days_of(JourneyStates, states),
        "customers": table_of(Customers, [{"customer_id": "C1", "segment": "SMB"}]),
        "playbooks": table_of(Playbooks, []),
        "approval_decisions": table_of(ApprovalDecisions, ANSWERS),
    }
