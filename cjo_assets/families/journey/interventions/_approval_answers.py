"""Answers: which of them count, and why the others do not.

Not a table but the steps that the ledger and the history share. An answer counts if it was given while its request
stood (from the day of the request until it was settled, lapsed or went stale), for the content that was asked about,
by a person entitled to give it. One approval settles a request, or the second of two different people where the route
asks for two; one rejection settles any. At one instant a rejection comes first. Nobody approves what they requested.
People are compared by `core/expressions/people.py`, never by the text of their name.
"""

from collections.abc import Iterable

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.people import person
from cjo_assets.families.journey.inputs.approval_decisions import APPROVED
from cjo_assets.families.journey.interventions._approval_routes import AUTO_APPROVED

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


def judged_answers(
    requests: ir.Table, approval_decisions: ir.Table, until: ir.TimestampValue, null_words: Iterable[str]
) -> ir.Table:
    """Add `person`, `why_ineffective` (null: it counts) and `settles` to every answer.

    Args:
        requests: one row per intervention with requested_at, expires_at, stale_at, approval_regime, decision_hash,
            entitled_approvers, needs_two_people and requested_by.
        approval_decisions: the answers.
        until: nothing later is known.
        null_words: the policy's words for "nothing", which name nobody.
    """
    asked = requests.select(
        "requested_at",
        "expires_at",
        "stale_at",
        "approval_regime",
        "entitled_approvers",
        "needs_two_people",
        "requested_by",
        asked_id="intervention_id",
        asked_hash="decision_hash",
    )
    rows = approval_decisions.left_join(asked, approval_decisions.intervention_id == asked.asked_id)
    rows = rows.mutate(person=person(rows.decided_by, null_words), requester=person(rows.requested_by, null_words))
    entitled = _entitled_people(requests, null_words)
    rows = rows.left_join(
        entitled, [rows.intervention_id == entitled.entitled_id, rows.person == entitled.entitled_person]
    )
    is_approval = rows.decision == APPROVED
    is_entitled = (rows.entitled_approvers.length() == 0) | rows.entitled_person.notnull()
    faults = [
        (rows.asked_id.isnull(), NOBODY_ASKED),
        (rows.decided_at > until, NOT_YET),
        (rows.decided_at < rows.requested_at - ibis.interval(days=1), TOO_EARLY),
        ((rows.approval_regime == AUTO_APPROVED) & (rows.decided_at > rows.requested_at), BY_POLICY),
        (rows.decided_at > rows.stale_at, STALE_BEFORE),
        (rows.decided_at > rows.expires_at, LAPSED_BEFORE),
        (rows.decision_hash != rows.asked_hash, OTHER_CONTENT),
        (rows.person.isnull(), NAMES_NOBODY),
        (~is_entitled, NOT_ENTITLED),
        (is_approval & (rows.person == rows.requester), OWN_REQUEST),
    ]
    rows = rows.mutate(fault=ibis.cases(*faults), is_approval=is_approval)
    rows = rows.mutate(stands=rows.fault.isnull())
    said = [rows.intervention_id, rows.stands, rows.decision, rows.person]
    by_person = ibis.window(group_by=said, order_by=[rows.decided_at, rows.decided_by])
    rows = rows.mutate(is_new=ibis.row_number().over(by_person) == 0)
    approvals = _so_far(rows, rows.is_approval & rows.is_new)
    needed = rows.needs_two_people.ifelse(2, 1)
    rows = rows.mutate(settles=rows.stands & (~rows.is_approval | (rows.is_new & (approvals >= needed))))
    settled_before = _so_far(rows, rows.settles) > rows.settles.cast("int64")
    rows = rows.mutate(
        why_ineffective=ibis.cases(
            (rows.fault.notnull(), rows.fault),
            (settled_before, SETTLED_BEFORE),
            (rows.is_approval & ~rows.is_new, SAID_BEFORE),
        )
    )
    rows = rows.mutate(settles=rows.settles & rows.why_ineffective.isnull())
    return rows.select(*approval_decisions.columns, "person", "why_ineffective", "settles")


def settlements(judged: ir.Table) -> ir.Table:
    """Return how each settled request was answered: decision, instant, people, reason and category; one row each."""
    counted = judged.filter(judged.why_ineffective.isnull())
    answers = counted.group_by("intervention_id").agg(
        decision=counted.decision.max(where=counted.settles),
        decided_at=counted.decided_at.max(where=counted.settles),
        settled_by=counted.decided_by.max(where=counted.settles),
        approvers=counted.decided_by.collect(where=counted.decision == APPROVED),
        reason=counted.reason.max(where=counted.settles),
        category=counted.category.max(where=counted.settles),
    )
    answers = answers.filter(answers.decision.notnull())
    people = (answers.decision == APPROVED).ifelse(answers.approvers.sort().join(", "), answers.settled_by)
    return answers.mutate(decided_by=people).drop("settled_by", "approvers")


def _entitled_people(requests: ir.Table, null_words: Iterable[str]) -> ir.Table:
    """Return the people whom a request names as approvers, one row each."""
    named = requests.select(entitled_id="intervention_id", name=requests.entitled_approvers.unnest())
    return named.select("entitled_id", entitled_person=person(named.name, null_words)).distinct()


def _so_far(rows: ir.Table, condition: ir.BooleanValue) -> ir.IntegerValue:
    """Count the answers to the same request, up to and with each, for which a condition holds."""
    order = [rows.decided_at, rows.is_approval, rows.decided_by]
    window = ibis.window(group_by=[rows.intervention_id, rows.stands], order_by=order, preceding=None, following=0)
    return condition.fill_null(False).cast("int64").sum().over(window)
