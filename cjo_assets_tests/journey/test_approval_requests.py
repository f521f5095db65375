"""What people were asked, and how the asking went by the end of the latest day.

The latest day is D, 20 January; it ends at 2025-01-21 00:00. A request is made at the end of the day of its decision
and stands for 2,880 minutes, two days.
"""

from datetime import date, datetime

from cjo_assets.journey.approval_decisions import ApprovalDecisions
from cjo_assets.journey.approval_requests import ApprovalRequests, approval_requests
from cjo_assets.journey.customers import Customers
from cjo_assets.journey.interventions import Interventions
from cjo_assets.journey.journey_states import JourneyStates
from cjo_assets.journey.playbooks import Playbooks
from cjo_assets.journey.recommended_interventions import RecommendedInterventions
from cjo_assets.policy import Policy
from cjo_assets_tests.tables import DAY, POLICY, Row, by, day, days_of, instant, kept, policy_with, table_of

THAT_DAY = day(-3)
ASKED, LAPSED = datetime(2025, 1, 18), datetime(2025, 1, 20)
# day of the decision, status at the end of D
REQUESTS = {
    "waiting": (day(-1), "pending"),
    "asked today": (DAY, "pending"),
    # Asked at the end of D - 2, it lapses exactly at the end of D: not yet over.
    "at the deadline": (day(-2), "pending"),
    "lapsed": (THAT_DAY, "expired"),
    "approved": (THAT_DAY, "approved"),
    "rejected": (THAT_DAY, "rejected"),
    "answered at the deadline": (THAT_DAY, "approved"),
    "answered too late": (THAT_DAY, "expired"),
    "answered tomorrow": (DAY, "pending"),
    "ours": (THAT_DAY, "approved"),
}
ANSWERED = {"approved", "rejected", "answered at the deadline", "ours"}
UNASKED, AHEAD = "unasked", "ahead"
# decision, instant, who, why
ANSWERS = {
    "approved": ("approved", instant("2025-01-18T10:00:00"), "ann", "worth it"),
    "rejected": ("rejected", instant("2025-01-18T11:00:00"), "bob", None),
    "answered at the deadline": ("approved", LAPSED, "ann", None),
    "answered too late": ("approved", instant("2025-01-20T00:00:01"), "ann", None),
    "answered tomorrow": ("approved", instant("2025-01-21T00:00:01"), "ann", None),
    "ours": ("approved", instant("2025-01-18T12:00:00"), "ann", None),
    UNASKED: ("rejected", instant("2025-01-18T11:00:00"), "bob", None),
}


def ours(on: date, reasons: list[str]) -> Row:
    """Return our decision as it stood on a day."""
    shared = {"intervention_id": "ours", "as_of": on, "generated_at": THAT_DAY, "customer_id": "C1"}
    return shared | {"recommended_action": "call", "requires_human_approval": True, "approval_reasons": reasons}


def ask(policy: Policy = POLICY, latest: date = DAY) -> dict[str, Row]:
    """Return the requests by intervention."""
    history = [
        {"intervention_id": name, "generated_at": generated, "requires_human_approval": True}
        for name, (generated, _) in REQUESTS.items()
        if name != "ours"
    ]
    history += [
        {"intervention_id": UNASKED, "generated_at": THAT_DAY},
        {"intervention_id": AHEAD, "generated_at": day(1), "requires_human_approval": True},
    ]
    cells = ("decision", "decided_at", "decided_by", "reason")
    answers = [{"intervention_id": name} | dict(zip(cells, said, strict=True)) for name, said in ANSWERS.items()]
    found = approval_requests(
        table_of(Interventions, history, customer_id="C1", recommended_action="call", journey_stage="support"),
        days_of(RecommendedInterventions, [ours(THAT_DAY, ["high_urgency"]), ours(day(-2), ["low_confidence"])]),
        days_of(JourneyStates, [{"as_of": past, "transition": "initial"} for past in (THAT_DAY, day(-2), latest)]),
        table_of(Customers, [{"customer_id": "C1", "segment": "SMB"}]),
        table_of(Playbooks, []),
        table_of(ApprovalDecisions, answers),
        policy,
    )
    return by("intervention_id", kept(ApprovalRequests, found, policy=policy))


def test_every_request_has_its_status_at_the_end_of_the_latest_day() -> None:
    requests = ask()
    assert {name: row["status"] for name, row in requests.items()} == {
        name: status for name, (_, status) in REQUESTS.items()
    }
    assert requests["approved"] == {
        "intervention_id": "approved",
        "customer_id": "C1",
        "segment": "SMB",
        "recommended_action": "call",
        "approval_reasons": [],
        "requested_at": ASKED,
        "expires_at": LAPSED,
        "status": "approved",
        "decided_at": instant("2025-01-18T10:00:00"),
        "decided_by": "ann",
        "reason": "worth it",
    }
    # A decision of ours is asked about once, with the reasons of its first day.
    assert (requests["ours"]["approval_reasons"], requests["ours"]["requested_at"]) == (["high_urgency"], ASKED)
    for name in REQUESTS.keys() - ANSWERED:
        assert (requests[name]["decided_at"], requests[name]["decided_by"], requests[name]["reason"]) == (None,) * 3


def test_the_latest_day_decides_what_is_over() -> None:
    known = {name: status for name, (_, status) in REQUESTS.items()}
    statuses = {name: row["status"] for name, row in ask(latest=day(1)).items()}
    assert statuses == known | {"at the deadline": "expired", "answered tomorrow": "approved", AHEAD: "pending"}


def test_the_switch_for_tests_approves_and_says_so() -> None:
    requests = ask(policy_with(journey__approval__auto_approve_for_testing=True))
    assert requests.keys() == REQUESTS.keys()
    # A person's answer in time stands before the switch; what nobody decided is never said to be somebody's.
    for name, row in requests.items():
        if name in ANSWERED:
            assert (row["status"], row["decided_at"], row["decided_by"], row["reason"]) == ANSWERS[name]
        else:
            assert (row["status"], row["decided_at"]) == ("approved", row["requested_at"])
            assert (row["decided_by"], row["reason"]) == ("policy:auto_approve_for_testing", None)


def test_nobody_is_asked_where_the_policy_waives_it_and_what_was_said_still_counts() -> None:
    asked, waived = ask(), ask(policy_with(journey__approval__enable_hitl=False))
    assert waived == {name: row for name, row in asked.items() if row["decided_by"] is not None}
    assert {row["status"] for row in waived.values()} == {"approved", "rejected"}
