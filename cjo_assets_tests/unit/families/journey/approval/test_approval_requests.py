"""Tests of approval requests, and of their status at the end of the latest day.

The latest day is D, 20 January; it ends at 2025-01-21 00:00. A request is made at the end of the day of its decision
and is open for 2,880 minutes, two days.
"""

from datetime import date, datetime, timedelta

import pytest

from cjo_assets.families.journey.approval.approval_requests import ApprovalRequests, approval_requests
from cjo_assets.families.journey.decision.recommended_interventions import RecommendedInterventions
from cjo_assets.families.journey.evaluation.journey_states import JourneyStates
from cjo_assets.families.journey.inputs.approval_decisions import ApprovalDecisions
from cjo_assets.families.journey.inputs.customers import Customers
from cjo_assets.families.journey.inputs.interventions import Interventions
from cjo_assets.families.journey.inputs.playbooks import Playbooks
from cjo_assets.families.journey.interventions._ledger import end_of_day, ledger, needs_asking_anew, with_approval
from cjo_assets.policy import Policy
from cjo_assets_tests.support.journey.hand_made_days import EXPECTED as OF_OURS
from cjo_assets_tests.support.journey.hand_made_days import UNASKED as NOT_ASKED
from cjo_assets_tests.support.journey.hand_made_days import decided, inputs, said
from cjo_assets_tests.support.rows import (
    DAY,
    POLICY,
    Row,
    as_of,
    by,
    day,
    days_of,
    instant,
    kept,
    policy_with,
    rows_of,
    table_of,
)

THAT_DAY = day(-3)
ASKED, LAPSED = datetime(2025, 1, 18), datetime(2025, 1, 20)
# day of the decision, status at the end of D
REQUESTS = {
    "waiting": (day(-1), "pending"),
    "requested today": (DAY, "pending"),
    # Requested at the end of D - 2, it lapses exactly at the end of D: not yet over.
    "at the deadline": (day(-2), "pending"),
    "lapsed": (THAT_DAY, "expired"),
    "approved": (THAT_DAY, "approved"),
    "rejected": (THAT_DAY, "rejected"),
    "answered at the deadline": (THAT_DAY, "approved"),
    "answered too late": (THAT_DAY, "expired"),
    "answered tomorrow": (DAY, "pending"),
}
UNASKED, AHEAD = "unasked", "ahead"
# decision, instant, who, why
ANSWERS = {
    "approved": ("approved", instant("2025-01-18T10:00:00"), "ann", "worth it"),
    "rejected": ("rejected", instant("2025-01-18T11:00:00"), "bob", None),
    "answered at the deadline": ("approved", LAPSED, "ann", None),
    "answered too late": ("approved", instant("2025-01-20T00:00:01"), "ann", None),
    "answered tomorrow": ("approved", instant("2025-01-21T00:00:01"), "ann", None),
    UNASKED: ("rejected", instant("2025-01-18T11:00:00"), "bob", None),
}


def ask(policy: Policy = POLICY, latest: date = DAY) -> dict[str, Row]:
    """Return the requests of a history by intervention."""
    history = [
        {"intervention_id": name, "generated_at": generated, "requires_human_approval": True}
        for name, (generated, _) in REQUESTS.items()
    ]
    history += [
        {"intervention_id": UNASKED, "generated_at": THAT_DAY},
        {"intervention_id": AHEAD, "generated_at": day(1), "requires_human_approval": True},
    ]
    cells = ("decision", "decided_at", "decided_by", "reason")
    answers = [{"intervention_id": name} | dict(zip(cells, said, strict=True)) for name, said in ANSWERS.items()]
    found = approval_requests(
        table_of(Interventions, history, customer_id="C1", recommended_action="call", journey_stage="support"),
        days_of(RecommendedInterventions, []),
        days_of(JourneyStates, [{"as_of": past, "transition": "initial"} for past in (THAT_DAY, day(-2), latest)]),
        table_of(Customers, [{"customer_id": "C1", "segment": "SMB"}]),
        table_of(Playbooks, []),
        table_of(ApprovalDecisions, answers),
        policy,
    )
    return by("intervention_id", kept(ApprovalRequests, found, policy=policy))


def test_requests_have_their_status_at_the_end_of_the_day() -> None:
    requests = ask()
    assert {name: row["status"] for name, row in requests.items()} == {
        name: status for name, (_, status) in REQUESTS.items()
    }
    shown = {name: cell for name, cell in requests["approved"].items() if cell is not None}
    assert shown == {
        "intervention_id": "approved",
        "customer_id": "C1",
        "segment": "SMB",
        "journey_stage": "support",
        "recommended_action": "call",
        "triggered_by_signals": [],
        "approval_reasons": [],
        "approval_regime": "asked",
        "needs_two_people": False,
        "entitled_approvers": [],
        "requested_at": ASKED,
        "expires_at": LAPSED,
        "status": "approved",
        "decided_at": instant("2025-01-18T10:00:00"),
        "decided_by": "ann",
        "reason": "worth it",
    }
    for name, (_, status) in REQUESTS.items():
        if status in ("pending", "expired"):
            row = requests[name]
            assert (row["decided_at"], row["decided_by"], row["reason"]) == (None,) * 3


def test_the_latest_day_decides_what_is_over() -> None:
    known = {name: status for name, (_, status) in REQUESTS.items()}
    statuses = {name: row["status"] for name, row in ask(latest=day(1)).items()}
    assert statuses == known | {"at the deadline": "expired", "answered tomorrow": "approved", AHEAD: "pending"}


@pytest.mark.parametrize("change", [{"enable_hitl": False}, {"auto_approve_for_testing": True}])
def test_a_switch_turned_today_rewrites_nothing(change: dict[str, bool]) -> None:
    """Traps 10 and 11: requests made under another regime stay requests, and unanswered ones stay unanswered."""
    turned = policy_with(**{f"journey__approval__{name}": value for name, value in change.items()})
    assert ask(turned) == ask()
    tables = inputs()
    before, after = (
        by("intervention_id", kept(ApprovalRequests, approval_requests(**tables, policy=policy)))
        for policy in (POLICY, turned)
    )
    assert after == before


def test_a_deadline_changed_today_holds_for_later_days_of_ours() -> None:
    shorter = policy_with(journey__approval__approval_timeout_minutes=60)
    requests = by("intervention_id", kept(ApprovalRequests, approval_requests(**inputs(), policy=shorter)))
    assert requests["unchanged"]["expires_at"] == datetime(2025, 1, 21)


def test_every_request_of_ours_has_its_status_and_its_reason() -> None:
    requests = by("intervention_id", kept(ApprovalRequests, approval_requests(**inputs(), policy=POLICY)))
    found = {
        name: (row["status"], row["decided_by"], row["decided_at"], row["stale_reason"])
        for name, row in requests.items()
    }
    assert found == {name: row[:4] for name, row in OF_OURS.items()}
    assert requests["rejected, then changed"]["category"] == "too_expensive"
    # Requested from the second day on, with the content of that day.
    later = requests["requested later"]
    assert (later["requested_at"], later["expires_at"]) == (datetime(2025, 1, 20), datetime(2025, 1, 22))
    assert (later["approval_reasons"], later["approval_role"]) == (["high_risk_tier"], "csm")
    assert (later["decision_hash"], requests["unchanged"]["decision_hash"]) == (
        "requested later: as requested",
        "unchanged: as requested",
    )


LEE, NOON = "lee.park", "2025-01-19T12:00:00"
# Who answers, in this order, a minute apart; the status of a request that needs two people; who approved it.
PAIRS: dict[str, tuple[tuple[str, ...], str, str | None]] = {
    "case and blank": ((LEE, "Lee.Park "), "pending", None),
    "no-break space": ((LEE, f"{LEE}\u00a0"), "pending", None),
    "zero-width space": ((LEE, f"{LEE}\u200b"), "pending", None),
    "soft hyphen": ((LEE, "lee.p\u00adark"), "pending", None),
    "decomposed": (("Zo\u00eb", "Zoe\u0308"), "pending", None),
    "full width": ((LEE, "\uff4cee.park"), "pending", None),
    "sharp s": (("strasse", "stra\u00dfe"), "pending", None),
    "null words": (("NULL", "N/A", "-", "none"), "pending", None),
    "one null word": ((LEE, "N/A"), "pending", None),
    "two people": ((LEE, "kim.ito"), "approved", "kim.ito, lee.park"),
    "two people and a spelling": ((LEE, "Lee.Park", "kim.ito"), "approved", "kim.ito, lee.park"),
}
NAMED = ["Lee.Park", "kim.ito"]
# The same where the policy names approvers.
NAMED_PAIRS: dict[str, tuple[tuple[str, ...], str, str | None]] = {
    "named, respelled": ((LEE, "kim.ito\u200b"), "approved", "kim.ito\u200b, lee.park"),
    "unknown": ((LEE, "kimito"), "pending", None),
    "soft hyphen for the point": ((LEE, "kim\u00adito"), "pending", None),
}


def test_two_approvals_need_two_people_in_any_spelling() -> None:
    cases = PAIRS | NAMED_PAIRS
    requests = [
        decided(name, offset, needs_two_people=True, entitled_approvers=NAMED if name in NAMED_PAIRS else [])
        for name in cases
        for offset in (-2, -1, 0)
    ]
    answers = [
        said(name, by, NOON) | {"decided_at": instant(NOON) + timedelta(minutes=place)}
        for name, (people, _, _) in cases.items()
        for place, by in enumerate(people)
    ]
    tables = inputs() | {
        "all_recommended_interventions": days_of(RecommendedInterventions, requests),
        "approval_decisions": table_of(ApprovalDecisions, answers),
    }
    found = by("intervention_id", kept(ApprovalRequests, approval_requests(**tables, policy=POLICY)))
    answered = {name: (found[name]["status"], found[name]["decided_by"]) for name in cases}
    assert answered == {name: (status, people) for name, (_, status, people) in cases.items()}


def test_at_one_instant_two_spellings_are_one_answer() -> None:
    request = [decided("two", offset, needs_two_people=True) for offset in (-2, -1, 0)]
    at_once = [said("two", name, NOON) for name in ("ann", "Ann", "ANN")]
    tables = inputs() | {"all_recommended_interventions": days_of(RecommendedInterventions, request)}
    for answers in (at_once, at_once[::-1]):
        tables["approval_decisions"] = table_of(ApprovalDecisions, answers)
        rows = kept(ApprovalRequests, approval_requests(**tables, policy=POLICY))
        assert by("intervention_id", rows)["two"]["status"] == "pending"


def test_only_approved_content_is_executed() -> None:
    """Trap 10: approval gates execution, to the instant; what is stale executes nothing that was not done before."""
    tables = inputs()
    answers, days = tables.pop("approval_decisions"), tables.pop("all_journey_states")
    decisions = tables.pop("all_recommended_interventions")
    known = ledger(**tables, decisions=decisions, as_of=as_of(), decision_days=days)
    known = with_approval(known, answers, end_of_day(as_of()), POLICY)
    rows = by("intervention_id", rows_of(known.mutate(anew=needs_asking_anew(known))))
    assert {name: row["executed_at"] for name, row in rows.items()} == (
        {name: row[4] for name, row in OF_OURS.items()} | NOT_ASKED
    )
    # The intervention stays approved; its request is what went stale.
    assert rows["approved, then changed"]["approval_status"] == "approved"
    assert {name for name, row in rows.items() if row["anew"]} == {"changed", "gone", "gone, answered after"}


def test_on_the_day_before_nothing_had_gone_stale() -> None:
    """No look-ahead: by the end of D - 1 the change of D is not known."""
    tables = inputs()
    earlier = tables["all_recommended_interventions"]
    earlier = earlier.filter(earlier.as_of < DAY)
    days = tables["all_journey_states"].filter(lambda row: row.as_of < DAY)
    known = ledger(
        tables["interventions"], earlier, tables["customers"], tables["playbooks"], as_of(-1), decision_days=days
    )
    known = with_approval(known, tables["approval_decisions"], end_of_day(as_of(-1)), POLICY)
    statuses = {row["intervention_id"]: row["approval_status"] for row in rows_of(known)}
    assert statuses["changed"] == "pending"
    assert statuses["approved, then changed"] == "approved"
    assert statuses["gone"] == "stale"
