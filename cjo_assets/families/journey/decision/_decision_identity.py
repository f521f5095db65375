"""What makes a decision the same decision: its id, its first day, and hashes over its content and its evidence.

Not a table but the last steps of `recommended_interventions`. The rows say what is decided for whom; here they get the
names of what stands from earlier days, or new ones.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.by_segment import by_segment
from cjo_assets.core.expressions.ids import RECORD_SEPARATOR, as_text, content_hash, content_id
from cjo_assets.families.journey.inputs.approval_decisions import REJECTED
from cjo_assets.families.journey.interventions._approval_routes import decision_hash
from cjo_assets.families.journey.interventions._ledger import needs_asking_anew
from cjo_assets.policy import Policy


def with_identity(
    rows: ir.Table, known: ir.Table, earlier: ir.Table, earlier_states: ir.Table, as_of: date, policy: Policy
) -> ir.Table:
    """Add id, first day, triggers and content hash: those of the decision that stands where the need stood before.

    What still waits for an answer stands only with the content that people were asked about. Watching, and a call for a
    person that nobody has answered, stand as long as they were decided on the last day too.
    """
    # A call for a person is one need, whichever playbook comes nearest that day.
    subject = rows.is_escalated.ifelse(ibis.null("string"), rows.subject)
    rows = rows.mutate(need_id=content_id("N", rows.customer_id, subject))
    age_days = ibis.literal(as_of, "date").delta(known.generated_at, unit="day")
    is_recent = age_days < by_segment(policy, known.segment, lambda own: own.contact.open_intervention_days)
    is_unanswered = (known.approval_status != REJECTED) & ~needs_asking_anew(known) & known.measured_at.isnull()
    standing = known.filter(is_unanswered, is_recent | ~known.is_executed)
    standing = standing.select("intervention_id", "is_executed", "is_settled", standing_hash="decision_hash")
    last = earlier.group_by("intervention_id").agg(as_of=earlier.as_of.max())
    last = earlier.semi_join(last, ["intervention_id", "as_of"]).drop("decision_hash").join(standing, "intervention_id")
    was_decided_last = last.as_of == earlier_states.as_of.max().as_scalar()
    other = last.filter(last.playbook_id.isnull(), last.is_executed | was_decided_last)
    other = other.group_by("need_id", "recommended_action").agg(same_need_id=other.intervention_id.max())
    rows = rows.left_join(other, ["need_id", "recommended_action"]).drop("need_id_right", "recommended_action_right")
    rows = rows.mutate(standing_id=ibis.coalesce(rows.standing_intervention_id, rows.same_need_id))
    content = last.select(
        "is_settled",
        "standing_hash",
        standing_id="intervention_id",
        standing_since="generated_at",
        standing_triggers="triggered_by_signals",
    )
    rows = rows.left_join(content, "standing_id").drop("standing_id_right")
    fresh = rows.triggered_by_signals
    repeated = rows.mutate(triggered_by_signals=ibis.coalesce(rows.standing_triggers, fresh), fresh=fresh)
    stands = (repeated.is_settled | (repeated.standing_hash == decision_hash(repeated))).fill_null(False)
    rows = repeated.mutate(
        triggered_by_signals=stands.ifelse(repeated.triggered_by_signals, repeated.fresh), stands=stands
    )
    today = ibis.literal(as_of, "date")
    new_id = content_id("I", rows.need_id, rows.triggered_by_signals.join(RECORD_SEPARATOR), today)
    return rows.mutate(
        intervention_id=rows.stands.ifelse(rows.standing_id, new_id),
        generated_at=rows.stands.ifelse(rows.standing_since, today),
        decision_hash=decision_hash(rows),
    )


def with_input_hash(rows: ir.Table, own_records: dict[str, ir.Table], shared_records: dict[str, ir.Table]) -> ir.Table:
    """Add a hash over every record that the decision could see: the customer's own, and those seen by all decisions."""
    own = ibis.union(*(_as_records(kind, records, "customer_id") for kind, records in own_records.items()))
    own = own.semi_join(rows, "customer_id").group_by("customer_id")
    own = own.agg(own_records=lambda row: row.record.collect().sort().join(RECORD_SEPARATOR))
    shared = ibis.union(*(_as_records(kind, records) for kind, records in shared_records.items()))
    shared = shared.agg(shared_hash=content_hash(shared.record.collect().sort().join(RECORD_SEPARATOR)))
    rows = rows.join(own, "customer_id").cross_join(shared)
    return rows.mutate(input_hash=content_hash(rows.own_records, rows.completeness, rows.shared_hash))


def _as_records(kind: str, rows: ir.Table, *keys: str) -> ir.Table:
    return rows.select(*keys, record=as_text(ibis.literal(kind), *(rows[name] for name in sorted(rows.columns))))
