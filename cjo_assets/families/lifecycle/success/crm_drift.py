"""Differences between our lifecycle stage and the stage that a CRM has, and failed synchronizations.

One row per as-of date, customer and provider that events name. The policy translates our stages into those of the CRM.
Our stage is as old as the days that were published with it, that of the CRM as old as the first of its last unbroken
sightings. A stage that was there on the first published day may be older than that day: it is not known to be newer.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, Instant, column, key
from cjo_assets.core.expressions.tables import first_per, lookup, merged
from cjo_assets.families.lifecycle.inputs._tenancy import without_organization
from cjo_assets.families.lifecycle.inputs.lifecycle_events import known_events
from cjo_assets.families.lifecycle.success.lifecycle_stages import STAGES
from cjo_assets.policy.lifecycle import LifecyclePolicy

SEEN, FAILED, SUCCEEDED = "crm_stage_seen", "crm_sync_failed", "crm_sync_succeeded"
KEY = ["customer_id", "provider"]
PLATFORM, CRM, MANUAL, NONE = "platform", "crm", "manual", "none"
NEWEST = "newest"


class CrmDrift(DatedContract):
    """Our stage beside that of a CRM. One row per as-of date, customer and provider."""

    customer_id: str = key("Customer.", personal="customer")
    provider: str = key("CRM.")
    record_id: str = column("Last record of the CRM that events name.")
    stage: str = column("Lifecycle stage; null without an account.", isin=STAGES, nullable=True)
    stage_since: date = column("Day since which that stage was published; null without an account.", nullable=True)
    expected_crm_stage: str = column("That stage in the words of the CRM, by the policy; null likewise.", nullable=True)
    crm_stage: str = column("Last stage seen in the CRM; null where none was.", nullable=True)
    crm_stage_since: Instant = column("First of its unbroken sightings [UTC]; null likewise.", nullable=True)
    is_drifting: bool = column(
        "Whether the stage of the CRM is another than expected; null where either is missing.", nullable=True
    )
    newer: str = column(
        "Whose stage is newer: platform, also on the same day, or crm; null unless they differ, or where no other "
        "stage of ours was published before and ours may be older than that of the CRM.",
        isin=[PLATFORM, CRM],
        nullable=True,
    )
    resolution: str = column(
        "Whose stage should be used, by the policy's conflict: platform, crm, or manual, also where it is not known "
        "which is newer; none unless they differ.",
        isin=[PLATFORM, CRM, MANUAL, NONE],
    )
    last_synced_at: Instant = column(
        "Instant of the last synchronization that succeeded [UTC]; null: never.", nullable=True
    )
    failures_in_row: int = column("Synchronizations that failed since [attempts], up = worse.", ge=0)
    retries_left: int = column("Retries that the policy leaves [attempts]; 0: a person must help.", ge=0)


def crm_drift(
    lifecycle_stages: ir.Table, lifecycle_events: ir.Table, as_of: ir.DateScalar, policy: LifecyclePolicy
) -> ir.Table:
    """Compare our stage with that of each CRM, and count failed synchronizations."""
    events = known_events(lifecycle_events, as_of, SEEN, FAILED, SUCCEEDED).rename(provider="related_id")
    last = first_per(events, KEY, [ibis.desc("occurred_at"), ibis.desc("event_id")])
    rows = merged([last.select(*KEY, record_id="subject_id"), _sightings(events), _attempts(events)], KEY)
    rows = lookup(rows, lifecycle_stages, "customer_id", "stage", "previous_stage", stage_since="seen_since")
    rows = rows.mutate(expected_crm_stage=rows.stage.cases(*policy.crm.stages.model_dump().items()))
    is_drifting = rows.crm_stage != rows.expected_crm_stage
    newer = ibis.cases(
        (is_drifting.fill_null(False) & (rows.crm_stage_since.date() > rows.stage_since), CRM),
        (is_drifting.fill_null(False) & rows.previous_stage.notnull(), PLATFORM),
    )
    resolution = newer.fill_null(MANUAL) if policy.crm.conflict == NEWEST else ibis.literal(policy.crm.conflict)
    failures = rows.failures_in_row.fill_null(0)
    return rows.mutate(
        is_drifting=is_drifting,
        newer=newer,
        resolution=is_drifting.fill_null(False).ifelse(resolution, NONE),
        failures_in_row=failures,
        retries_left=ibis.greatest(policy.crm.retries - failures, 0),
    )


def _sightings(events: ir.Table) -> ir.Table:
    """Return the last stage seen of each customer and provider, and since when it has been so."""
    seen = events.filter(events.event_type == SEEN).select(*KEY, "about", "occurred_at", "event_id")
    last = first_per(seen, KEY, [ibis.desc("occurred_at"), ibis.desc("event_id")])
    rows = lookup(seen, last, KEY, crm_stage="about")
    others = rows.filter(rows.about != rows.crm_stage)
    ended = others.group_by(KEY).agg(other_at=others.occurred_at.max())
    rows = lookup(rows.filter(rows.about == rows.crm_stage), ended, KEY)
    rows = rows.filter((rows.occurred_at >= rows.other_at).fill_null(True))
    return rows.group_by([*KEY, "crm_stage"]).agg(crm_stage_since=rows.occurred_at.min())


def _attempts(events: ir.Table) -> ir.Table:
    """Return the last success of each customer and provider, and the failures after it."""
    synced = events.filter(events.event_type == SUCCEEDED)
    success = synced.group_by(KEY).agg(last_synced_at=synced.occurred_at.max())
    failed = lookup(events.filter(events.event_type == FAILED), success, KEY)
    failed = failed.filter((failed.occurred_at > failed.last_synced_at).fill_null(True))
    failures = failed.group_by(KEY).agg(failures_in_row=failed.count())
    return merged([success, failures], KEY)


@check(blocking=True)
def rows_of_no_organization(crm_drift: ir.Table, organizations: ir.Table) -> ir.Table:
    """Return rows whose organization is not in the file."""
    return without_organization(crm_drift, organizations)


@check
def stages_that_differ(crm_drift: ir.Table) -> ir.Table:
    """Return customers whose stage in a CRM is another than ours."""
    rows = crm_drift.filter(crm_drift.is_drifting.fill_null(False))
    return rows.select(*KEY, "stage", "crm_stage", "resolution")


@check
def synchronizations_without_retries(crm_drift: ir.Table) -> ir.Table:
    """Return records of a CRM whose synchronization failed more often than the policy retries."""
    return crm_drift.filter(crm_drift.retries_left == 0).select(*KEY, "record_id", "failures_in_row")
