"""Generated approval requests and answers, compared with an independent computation in plain Python."""

import math
import random
from datetime import datetime, timedelta

import pytest

from cjo_assets.families.lifecycle.decisions.approval_answers import ApprovalAnswers, approval_answers
from cjo_assets.families.lifecycle.decisions.approval_queue import ApprovalQueue, approval_queue
from cjo_assets.families.lifecycle.decisions.outbox import Outbox
from cjo_assets.families.lifecycle.inputs.lifecycle_approvals import LifecycleApprovals
from cjo_assets.policy import Policy
from cjo_assets_tests.support.lifecycle.events import event, events_of
from cjo_assets_tests.support.rows import Row, Rows, as_of, by, day, instant, kept, policy_with, table_of

END = instant("2025-01-21")
ROLES = ("csm", "manager", "executive")
APPROVERS = {"csm": ["Ann"], "manager": ["Mia"], "executive": ["Eva", "Ed"]}
NAMES = ("Ann", " ann", "Mia", "Eva", "Ed", "Zoe", "n/a")
KINDS = ("discount", "credit", "refund", "suspension", "unheard")
TIMEOUT = 600
REQUESTS, ANSWERS = 120, 500


def rules(named: bool) -> Policy:
    """Return a policy with other ladders, and people by role if named."""
    return policy_with(
        journey__approval__approvers=APPROVERS if named else {},
        lifecycle__approvals__timeout_minutes=TIMEOUT,
        lifecycle__approvals__ladders={
            "discount": {"manager": 0.1, "executive": 0.3},
            "credit": {"manager": 100, "executive": 200},
        },
    )


def role_of(kind: str, amount: float | None, share: float | None) -> str:
    """Return the lowest role for a recorded request."""
    if kind == "suspension":
        return "manager"
    first, second, size = (0.1, 0.3, share) if kind == "discount" else (100, 200, amount)
    if kind == "unheard" or size is None:
        return "executive"
    return "csm" if size < first else "manager" if size < second else "executive"


def generated(chance: random.Random) -> tuple[Rows, Rows, Rows]:
    """Return decisions, recorded requests and answers; ids of the answers' requests are filled in later."""
    decisions = [
        {
            "decision_id": f"L-{number:012x}",
            "customer_id": "C1",
            "requires_approval": chance.random() < 0.9,
            "approval_role": chance.choice(ROLES),
            "content_since": day(-chance.randrange(3)),
            "decision_hash": f"hash {number}",
        }
        for number in range(REQUESTS)
    ]
    for row in decisions:
        row["approval_role"] = row["approval_role"] if row["requires_approval"] else None
    recorded = [
        event(
            "approval_requested",
            str(END - timedelta(minutes=chance.choice((-60, 1, 599, 600, 601, 1200, 1201, 3000)))),
            subject=f"R{number}",
            about=chance.choice(KINDS),
            amount=chance.choice((None, 99.0, 100.0, 199.0, 200.0)),
            quantity=chance.choice((None, 0.05, 0.1, 0.3)),
            actor_id=chance.choice((None, "Mia", "A-01")),
        )
        for number in range(REQUESTS)
    ]
    answers = [
        {
            "decided_at": END - timedelta(minutes=chance.choice((-30, 0, 1, 300, 601, 1300, 2000, 4000))),
            "decided_by": chance.choice(NAMES),
            "decision": chance.choice(("approved", "approved", "rejected")),
            "decision_hash": chance.choice((None, None, "own", "other")),
        }
        for _ in range(ANSWERS)
    ]
    return decisions, recorded, answers


def person(name: str | None) -> str | None:
    """Return the person that a name of these cases means."""
    return None if name in (None, "n/a") else str(name).strip().lower()


def counts(request: Row, answer: Row, people: set[str], named: bool) -> bool:
    """Return whether an answer counts, whatever the others."""
    who = person(answer["decided_by"])
    return (
        request["answers_from"] <= answer["decided_at"] < END
        and answer["decision_hash"] in (None, request["decision_hash"])
        and who is not None
        and (not named or who in people)
        and not (answer["decision"] == "approved" and who == person(request["requested_by"]))
    )


def expected(request: Row, answers: Rows, named: bool) -> Row:
    """Return status, answer and role of a request."""
    lowest = ROLES.index(request["approval_role"])
    people = {name.lower() for role in ROLES[lowest:] for name in APPROVERS[role]}
    valid = [answer for answer in answers if counts(request, answer, people, named)]
    valid.sort(key=lambda answer: (answer["decided_at"], answer["decision"] == "approved", answer["decided_by"]))
    settled = valid[0] if valid else None
    until: datetime = settled["decided_at"] if settled else END
    waited = max((until - request["requested_at"]).total_seconds() / 60, 0.0)
    passed = max(math.ceil(waited / TIMEOUT) - 1, 0)
    return {
        "status": settled["decision"] if settled else "pending",
        "decided_at": settled and settled["decided_at"],
        "decided_by": settled and settled["decided_by"],
        "approval_role": request["approval_role"],
        "waits_with": None if settled else ROLES[min(lowest + passed, 2)],
        "waited_minutes": waited,
        "is_overdue": settled is None and passed > 0,
    }


def requests_of(queue: Rows, decisions: Rows, recorded: Rows) -> dict[str, Row]:
    """Return what the expectation needs of each request, by the id and hash of the queue."""
    found: dict[str, Row] = {}
    for row in decisions:
        if row["requires_approval"]:
            since = datetime.combine(row["content_since"], datetime.min.time())
            times = {"answers_from": since, "requested_at": since + timedelta(days=1), "requested_by": None}
            found[row["decision_id"]] = row | times
    identified = {row["subject_id"]: row for row in queue if row["source"] == "request"}
    for row in recorded:
        if row["occurred_at"] < END:
            found[identified[row["subject_id"]]["decision_id"]] = {
                "answers_from": row["occurred_at"],
                "requested_at": row["occurred_at"],
                "requested_by": row["actor_id"],
                "approval_role": role_of(row["about"], row["amount"], row["quantity"]),
                "decision_hash": identified[row["subject_id"]]["decision_hash"],
            }
    return found


def addressed(answers: Rows, queue: Rows) -> Rows:
    """Return answers with the id and hash of a request each; those of one instant to one are by different people."""
    for number, answer in enumerate(answers):
        request = queue[number % len(queue)]
        hashes = {"own": request["decision_hash"], "other": "other", None: None}
        answer |= {"decision_id": request["decision_id"], "decision_hash": hashes[answer["decision_hash"]]}
    return list({(row["decision_id"], row["decided_at"], person(row["decided_by"])): row for row in answers}.values())


@pytest.mark.parametrize("named", [True, False])
def test_generated_requests(named: bool) -> None:
    policy = rules(named)
    decisions, recorded, answers = generated(random.Random(7 + named))
    outbox, events = table_of(Outbox, decisions), events_of(*recorded)
    unanswered = approval_queue(outbox, events, table_of(ApprovalAnswers, []), as_of(), policy)
    answers = addressed(answers, kept(ApprovalQueue, unanswered, policy=policy))
    given = table_of(LifecycleApprovals, answers)
    effects = kept(ApprovalAnswers, approval_answers(outbox, events, given, as_of(), policy), policy=policy)
    table = table_of(ApprovalAnswers, [{name: row[name] for name in row if name != "as_of"} for row in effects])
    queue = kept(ApprovalQueue, approval_queue(outbox, events, table, as_of(), policy), policy=policy)
    requests = requests_of(queue, decisions, recorded)
    found = by("decision_id", queue)
    assert set(found) == set(requests)
    for name, row in found.items():
        own = [answer for answer in answers if answer["decision_id"] == name]
        wanted = expected(requests[name], own, named)
        assert {key: row[key] for key in wanted} == wanted, (row, own)
    assert {row["status"] for row in queue} == {"pending", "approved", "rejected"}
    assert {row["waits_with"] for row in queue} == {*ROLES, None}
