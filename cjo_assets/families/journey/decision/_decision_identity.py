"""Identity of decisions: id, first day, and hashes over content and input records.

Decisions of earlier days that are still open keep their id and first day; others get new ones.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.approval_status import REJECTED
from cjo_assets.core.expressions.by_segment import by_segment
from cjo_assets.core.expressions.ids import RECORD_SEPARATOR, as_text, content_hash, content_id
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.journey.interventions._approval_routes import decision_hash
from cjo_assets.families.journey.interventions._ledger import needs_asking_anew
from cjo_assets.policy import Policy


def with_identity(
    decided: ir.Table,
    known: ir.Table,
    earlier: ir.Table,
    earlier_states: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Add id, first day, triggers and content hash: those of an earlier decision where it is still open.

    A pending decision is kept only with the content of its approval request. Monitoring, and an unanswered escalation
    to a person, are kept only if they were decided on the last decision day too.
    """
    # An escalation is one need of the customer, whichever playbook is the nearest on the day.
    subject = decided.is_escalated.ifelse(ibis.null("string"), decided.subject)
    decided = decided.mutate(need_id=content_id("N", decided.customer_id, subject))
    standing = _standing_decisions(known, earlier, as_of, policy)
    was_decided_last = standing.as_of == earlier_states.as_of.max().as_scalar()
    unnamed = standing.filter(standing.playbook_id.isnull(), standing.is_executed | was_decided_last)
    same_need = unnamed.group_by("need_id", "recommended_action").agg(same_need_id=unnamed.intervention_id.max())
    decided = lookup(decided, same_need, ["need_id", "recommended_action"])
    decided = decided.mutate(standing_id=ibis.coalesce(decided.standing_intervention_id, decided.same_need_id))
    compared = lookup(
        decided,
        standing,
        [("standing_id", "intervention_id")],
        "is_settled",
        "standing_hash",
        standing_since="generated_at",
        standing_triggers="triggered_by_signals",
    )
    return _with_standing_content(compared, as_of)


def _standing_decisions(known: ir.Table, earlier: ir.Table, as_of: ir.DateScalar, policy: Policy) -> ir.Table:
    """Return our earlier decisions that may still be open, each as on its last day."""
    age_days = as_of.delta(known.generated_at, unit="day")
    is_recent = age_days < by_segment(policy, known.segment, lambda own: own.contact.open_intervention_days)
    is_open = (known.approval_status != REJECTED) & ~needs_asking_anew(known) & known.measured_at.isnull()
    standing = known.filter(is_open, is_recent | ~known.is_executed)
    standing = standing.select("intervention_id", "is_executed", "is_settled", standing_hash="decision_hash")
    last_days = earlier.group_by("intervention_id").agg(as_of=earlier.as_of.max())
    last = earlier.semi_join(last_days, ["intervention_id", "as_of"]).drop("decision_hash")
    return last.join(standing, "intervention_id")


def _with_standing_content(compared: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Add id, first day and triggers: of the standing decision if it is settled or has the same content."""
    new_triggers = compared.triggered_by_signals
    # The content hash covers the triggers, so it is compared with those of the standing decision.
    repeated = compared.mutate(
        triggered_by_signals=ibis.coalesce(compared.standing_triggers, new_triggers), new_triggers=new_triggers
    )
    stands = (repeated.is_settled | (repeated.standing_hash == decision_hash(repeated))).fill_null(False)
    identified = repeated.mutate(
        triggered_by_signals=stands.ifelse(repeated.triggered_by_signals, repeated.new_triggers), stands=stands
    )
    triggers = identified.triggered_by_signals.join(RECORD_SEPARATOR)
    new_id = content_id("I", identified.need_id, triggers, as_of)
    return identified.mutate(
        intervention_id=identified.stands.ifelse(identified.standing_id, new_id),
        generated_at=identified.stands.ifelse(identified.standing_since, as_of),
        decision_hash=decision_hash(identified),
    )


def with_input_hash(
    decided: ir.Table, own_records: dict[str, ir.Table], shared_records: dict[str, ir.Table]
) -> ir.Table:
    """Add a hash over all records available to a decision: the customer's own, and those shared by all decisions."""
    own = ibis.union(*(_as_records(kind, records, "customer_id") for kind, records in own_records.items()))
    own = own.semi_join(decided, "customer_id").group_by("customer_id")
    own = own.agg(own_records=lambda row: row.record.collect().sort().join(RECORD_SEPARATOR))
    shared = ibis.union(*(_as_records(kind, records) for kind, records in shared_records.items()))
    shared = shared.agg(shared_hash=content_hash(shared.record.collect().sort().join(RECORD_SEPARATOR)))
    hashed = decided.join(own, "customer_id").cross_join(shared)
    return hashed.mutate(input_hash=content_hash(hashed.own_records, hashed.completeness, hashed.shared_hash))


def _as_records(kind: str, records: ir.Table, *keys: str) -> ir.Table:
    return records.select(
        *keys, record=as_text(ibis.literal(kind), *(records[name] for name in sorted(records.columns)))
    )
