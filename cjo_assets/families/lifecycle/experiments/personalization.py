"""What each customer's messages are like: cohort, tone, and the variant of the cohort's experiment.

One row per as-of date and account. The variant of the last published day stays while its experiment runs and it is not
dropped. Otherwise it is drawn by the weights of the day; the draw follows from customer, experiment and the policy's
salt. An experiment with a winner gives every customer its leader. A cohort with several experiments takes the first by
id.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.ids import drawn_share
from cjo_assets.core.expressions.rows import literal_rows
from cjo_assets.core.expressions.tables import first_per, lookup
from cjo_assets.families.lifecycle.experiments._arms import ARM, EXPERIMENT
from cjo_assets.families.lifecycle.experiments.variant_decisions import INVALID, PROMOTE
from cjo_assets.families.lifecycle.inputs._tenancy import without_organization
from cjo_assets.families.lifecycle.inputs.variant_results import COHORTS
from cjo_assets.families.lifecycle.success.lifecycle_stages import NEW_TRIAL, RENEWAL
from cjo_assets.policy.lifecycle import LifecyclePolicy

CUSTOMER = "customer_id"
WINNER, STICKY, DRAWN = "winner", "kept", "drawn"
ORIGINS = [WINNER, STICKY, DRAWN]


class Personalization(DatedContract):
    """Cohort, tone and variant of the messages of each account. One row per as-of date and account."""

    customer_id: str = key("Customer.", personal="customer")
    cohort: str = column("Cohort for messages.", isin=COHORTS)
    tone: str = column("Tone that the policy gives the cohort; null without one.", nullable=True)
    experiment_id: str = column("Experiment of the cohort; null without a valid one.", nullable=True)
    variant_id: str = column("Variant of the messages; null without an experiment.", nullable=True)
    assigned_by: str = column(
        "Why: winner of the experiment, kept from the last published day, or drawn; null without an experiment.",
        isin=ORIGINS, nullable=True,
    )  # fmt: skip
    expires_on: date = column(
        "Last day of the cohort by its dates, the end of a trial or a renewal; null: it has no end.", nullable=True
    )


def personalization(
    lifecycle_stages: ir.Table,
    accounts: ir.Table,
    variant_posteriors: ir.Table,
    variant_decisions: ir.Table,
    earlier_personalization: ir.Table,
    policy: LifecyclePolicy,
) -> ir.Table:
    """Return cohort, tone and variant of every account with a stage."""
    rows = _with_cohort(lifecycle_stages, accounts, policy)
    running = variant_decisions.filter(variant_decisions.decision != INVALID)
    rows = lookup(rows, first_per(running, "cohort", [EXPERIMENT]), "cohort", EXPERIMENT, "decision", "leader")
    rows = lookup(rows, _drawn(rows, variant_posteriors, policy), CUSTOMER, "drawn")
    last = first_per(earlier_personalization, CUSTOMER, [ibis.desc("as_of")])
    going_on = variant_posteriors.filter(~variant_posteriors.is_dropped).select(*ARM)
    last = last.select(CUSTOMER, EXPERIMENT, "variant_id").semi_join(going_on, ARM)
    rows = lookup(rows, last, [CUSTOMER, EXPERIMENT], kept="variant_id")
    has_winner = rows.decision == PROMOTE
    return rows.mutate(
        variant_id=has_winner.ifelse(rows.leader, ibis.coalesce(rows.kept, rows.drawn)),
        assigned_by=ibis.cases((has_winner, WINNER), (rows.kept.notnull(), STICKY), (rows.drawn.notnull(), DRAWN)),
    ).drop("decision", "leader", "drawn", "kept")


def _with_cohort(lifecycle_stages: ir.Table, accounts: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    """Return the accounts with cohort, tone and the last day of the cohort."""
    rows = lookup(lifecycle_stages.select(CUSTOMER, "cohort"), accounts, CUSTOMER, "trial_ends_on", "renewal_on")
    tones = literal_rows(
        [{"cohort": cohort, "tone": tone} for cohort, tone in policy.personalization.tones],
        {"cohort": "string", "tone": "string"},
    )
    rows = lookup(rows, tones, "cohort", "tone")
    ends_on = ibis.cases((rows.cohort == NEW_TRIAL, rows.trial_ends_on), (rows.cohort == RENEWAL, rows.renewal_on))
    return rows.mutate(expires_on=ends_on).drop("trial_ends_on", "renewal_on")


def _drawn(rows: ir.Table, variant_posteriors: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    """Draw a variant for each account with an experiment, by the weights of its variants."""
    in_order = ibis.window(group_by=EXPERIMENT, order_by="variant_id", preceding=None, following=0)
    variants = variant_posteriors.filter(variant_posteriors.weight > 0)
    weight = variants.weight.cast("decimal(18, 6)")
    variants = variants.select(*ARM, up_to=weight.sum().over(in_order).cast("float64"), weight=weight.cast("float64"))
    last = variants.up_to == variants.up_to.max().over(ibis.window(group_by=EXPERIMENT))
    # Rounded weights may sum to a little less than 1.
    variants = variants.mutate(up_to=last.ifelse(2.0, variants.up_to), since=variants.up_to - variants.weight)
    drawing = rows.filter(rows.experiment_id.notnull()).select(
        CUSTOMER,
        EXPERIMENT,
        draw=drawn_share(ibis.literal(policy.personalization.salt), rows.customer_id, rows.experiment_id),
    )
    found = drawing.join(variants, EXPERIMENT)
    found = found.filter(found.draw >= found.since, found.draw < found.up_to)
    return found.select(CUSTOMER, drawn="variant_id")


@check(blocking=True)
def rows_of_no_organization(personalization: ir.Table, organizations: ir.Table) -> ir.Table:
    """Return rows whose organization is not in the file."""
    return without_organization(personalization, organizations)


@check(blocking=True)
def accounts_without_variant(personalization: ir.Table, lifecycle_stages: ir.Table) -> ir.Table:
    """Return accounts without a row, and rows of an experiment without a variant."""
    missing = lifecycle_stages.anti_join(personalization, CUSTOMER).select(CUSTOMER)
    rows = personalization.filter(personalization.experiment_id.notnull(), personalization.variant_id.isnull())
    return ibis.union(missing, rows.select(CUSTOMER))
