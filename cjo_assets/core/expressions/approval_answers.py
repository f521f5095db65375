"""Effect of answers to approval requests, and the people who are entitled to give them.

An answer counts if it was given while its request was open (from the day of the request until it was settled, lapsed or
went stale), for the content that was requested, by a person entitled to give it. One approval settles a request, or
the second of two different people where the route requires two; one rejection settles any. At the same instant a
rejection comes first. People cannot approve their own requests. People are compared by `core/expressions/people.py`,
never by the text of their name.
"""

from collections.abc import Iterable, Sequence

import ibis
import ibis.expr.types as ir

from cjo_assets.core.approval_roles import ROLES
from cjo_assets.core.approval_status import APPROVED, AUTO_APPROVED
from cjo_assets.core.expressions.people import person
from cjo_assets.core.expressions.tables import lookup

NOBODY_ASKED = "nobody was asked"
NOT_YET = "given after the latest day"
TOO_EARLY = "given before anybody was asked"
BY_POLICY = "the policy had approved already"
STALE_BEFORE = "given after the request went stale"
LAPSED_BEFORE = "given after the request lapsed"
OTHER_CONTENT = "given for another content of the decision"
NAMES_NOBODY = "given without the name of a person"
NOT_ENTITLED = "given by somebody not entitled"
OWN_REQUEST = "given to one's own request"
SETTLED_BEFORE = "given after the request was settled"
SAID_BEFORE = "given a second time by the same person"


def answers_with_effect(
    requests: ir.Table,
    approval_decisions: ir.Table,
    until: ir.TimestampValue,
    null_words: Iterable[str],
    *,
    subject: str,
) -> ir.Table:
    """Add `person`, `why_ineffective` (null: the answer counts) and `settles` to every answer.

    Args:
        requests: one row per subject with requested_at, expires_at, stale_at, approval_regime, decision_hash,
            entitled_approvers, needs_two_people and requested_by.
        approval_decisions: the answers.
        until: answers given later have no effect.
        null_words: the policy's words for a missing value, which name no person.
        subject: name of the column of both tables that identifies what is approved.
    """
    answers = _with_request(approval_decisions, requests, null_words, subject)
    is_approval = answers.decision == APPROVED
    answers = answers.mutate(is_approval=is_approval, fault=_fault(answers, is_approval, until))
    settled = _with_settlement(answers.mutate(is_valid=answers.fault.isnull()), subject)
    return settled.select(*approval_decisions.columns, "person", "why_ineffective", "settles")


def settlements(answers: ir.Table, subject: str) -> ir.Table:
    """Return the result of each settled request: decision, instant, people, reason and category; one row each."""
    effective = answers.filter(answers.why_ineffective.isnull())
    settles = effective.settles
    results = effective.group_by(subject).agg(
        decision=effective.decision.max(where=settles),
        decided_at=effective.decided_at.max(where=settles),
        settled_by=effective.decided_by.max(where=settles),
        approvers=effective.decided_by.collect(where=effective.decision == APPROVED),
        reason=effective.reason.max(where=settles),
        category=effective.category.max(where=settles),
    )
    results = results.filter(results.decision.notnull())
    people = (results.decision == APPROVED).ifelse(results.approvers.sort().join(", "), results.settled_by)
    return results.mutate(decided_by=people).drop("settled_by", "approvers")


def _with_request(
    approval_decisions: ir.Table, requests: ir.Table, null_words: Iterable[str], subject: str
) -> ir.Table:
    """Add to each answer the request it is about, the people by name, and whether the request names the person."""
    answers = lookup(
        approval_decisions,
        requests,
        subject,
        "requested_at",
        "expires_at",
        "stale_at",
        "approval_regime",
        "entitled_approvers",
        "needs_two_people",
        "requested_by",
        asked_id=subject,
        asked_hash="decision_hash",
    )
    answers = answers.mutate(
        person=person(answers.decided_by, null_words), requester=person(answers.requested_by, null_words)
    )
    approvers = requests.select(subject, name=requests.entitled_approvers.unnest())
    named = approvers.select(subject, person=person(approvers.name, null_words)).distinct()
    return lookup(answers, named, [subject, "person"], named_person="person")


def _fault(answers: ir.Table, is_approval: ir.BooleanValue, until: ir.TimestampValue) -> ir.StringValue:
    """Return the first reason why an answer has no effect, whatever the other answers; null without one."""
    is_entitled = (answers.entitled_approvers.length() == 0) | answers.named_person.notnull()
    is_auto_approved = answers.approval_regime == AUTO_APPROVED
    return ibis.cases(
        (answers.asked_id.isnull(), NOBODY_ASKED),
        (answers.decided_at > until, NOT_YET),
        (answers.decided_at < answers.requested_at - ibis.interval(days=1), TOO_EARLY),
        (is_auto_approved & (answers.decided_at > answers.requested_at), BY_POLICY),
        (answers.decided_at > answers.stale_at, STALE_BEFORE),
        (answers.decided_at > answers.expires_at, LAPSED_BEFORE),
        (answers.decision_hash != answers.asked_hash, OTHER_CONTENT),
        (answers.person.isnull(), NAMES_NOBODY),
        (~is_entitled, NOT_ENTITLED),
        (is_approval & (answers.person == answers.requester), OWN_REQUEST),
    )


def _with_settlement(answers: ir.Table, subject: str) -> ir.Table:
    """Add which answer settles its request, and why an answer has no effect."""
    same_answer = [answers[subject], answers.is_valid, answers.decision, answers.person]
    by_person = ibis.window(group_by=same_answer, order_by=[answers.decided_at, answers.decided_by])
    answers = answers.mutate(is_first_of_person=ibis.row_number().over(by_person) == 0)
    approvals = _count_so_far(answers, answers.is_approval & answers.is_first_of_person, subject)
    needed = answers.needs_two_people.ifelse(2, 1)
    completes = answers.is_first_of_person & (approvals >= needed)
    answers = answers.mutate(settles=answers.is_valid & (~answers.is_approval | completes))
    is_settled_before = _count_so_far(answers, answers.settles, subject) > answers.settles.cast("int64")
    answers = answers.mutate(
        why_ineffective=ibis.cases(
            (answers.fault.notnull(), answers.fault),
            (is_settled_before, SETTLED_BEFORE),
            (answers.is_approval & ~answers.is_first_of_person, SAID_BEFORE),
        )
    )
    return answers.mutate(settles=answers.settles & answers.why_ineffective.isnull())


def _count_so_far(answers: ir.Table, condition: ir.BooleanValue, subject: str) -> ir.IntegerValue:
    """Count the answers to the same request, up to and with each, for which a condition holds."""
    order = [answers.decided_at, answers.is_approval, answers.decided_by]
    request = [answers[subject], answers.is_valid]
    window = ibis.window(group_by=request, order_by=order, preceding=None, following=0)
    return condition.fill_null(False).cast("int64").sum().over(window)


def entitled_approvers(role: ir.StringValue, approvers: Iterable[tuple[str, Sequence[str]]]) -> ir.ArrayValue:
    """Return who may answer for a role, sorted: people of the role and of higher roles; an empty list means any person.

    Args:
        role: the lowest role that may answer.
        approvers: roles, each with the names of its people.
    """
    named = dict(approvers)
    entitled = {
        name: sorted({person for above in ROLES[place:] for person in named.get(above, ())})
        for place, name in enumerate(ROLES)
    }
    none_named = ibis.literal([], "array<string>")
    cases = [(name, ibis.literal(people, "array<string>")) for name, people in entitled.items() if people]
    return role.cases(*cases, else_=none_named) if cases else none_named
