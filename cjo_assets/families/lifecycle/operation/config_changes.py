"""Versions of configurations: what changed, at which risk, who approved it, how it fares, and whether to roll it back.

One row per as-of date and version that was saved by then. A version is compared with the one before it: the first has
no difference, and after a gap it is unknown. A version is live from its deployment to production, or from a rollback to
it, until the next one.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, Instant, TextList, column, key
from cjo_assets.core.expressions.calendars import minutes_in
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.numbers import SCORE_DECIMALS
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.lifecycle.inputs._tenancy import without_organization
from cjo_assets.families.lifecycle.inputs.config_versions import SAVED_BY
from cjo_assets.families.lifecycle.inputs.conversations import PRODUCTS
from cjo_assets.families.lifecycle.inputs.lifecycle_events import known_events
from cjo_assets.families.lifecycle.operation import _rollback
from cjo_assets.families.lifecycle.operation._live_versions import live_versions
from cjo_assets.families.lifecycle.operation._requests import (
    APPROVALS,
    MISSING,
    WRONG_APPROVER,
    approvals_of,
    requests_of,
    with_approval,
)
from cjo_assets.families.lifecycle.operation._settings import (
    CONFIGURATION,
    RISKS,
    VERSION,
    problems_of,
    risk_of,
    with_changes,
)
from cjo_assets.families.lifecycle.operation._windows import known_windows
from cjo_assets.families.lifecycle.support._deployments import deployments
from cjo_assets.policy.lifecycle import LifecyclePolicy

SUCCEEDED, ROLLED_BACK, TOO_EARLY, NOT_DEPLOYED = "succeeded", "rolled_back", "too_early", "not_deployed"
MICROSECONDS_PER_SECOND = 1_000_000


class ConfigChanges(DatedContract):
    """Versions of configurations with their risk, approval and fate. One row per as-of date and version."""

    config_id: str = key("Configuration.")
    config_version: int = key("Version.", ge=1)
    customer_id: str = column("Customer.", personal="customer")
    product: str = column("chatbot or voicebot.", isin=PRODUCTS)
    saved_at: Instant = column("Instant it was saved [UTC].")
    saved_by_kind: str = column("client, agent, ai or system.", isin=SAVED_BY)
    changed_paths: TextList = column(
        "Paths of settings that differ from the version before; null for the first version and after a gap.",
        nullable=True,
    )
    kinds: TextList = column("First parts of these paths; null where they are.", nullable=True)
    risk: str = column(
        "none (nothing changed, or the first version), low, medium or high by the policy; high after a gap.",
        isin=RISKS,
    )
    problems: TextList = column("What is not valid, sorted; empty: the version is valid.")
    change_id: str = column("Change it belongs to; null where unknown.", nullable=True)
    requested_at: Instant = column("Instant the change was requested [UTC]; null without a request.", nullable=True)
    claimed_kind: str = column("Kind that the request claims; null without one.", nullable=True)
    claim_confidence: float = column("Confidence of the claim [0-1]; null without one.", ge=0, le=1, nullable=True)
    is_claim_confident: bool = column(
        "Whether that reaches the policy's confidence for the kind; null where either is missing.", nullable=True
    )
    is_claim_right: bool = column(
        "Whether the change has the claimed kind, and none of another risk; null where either is unknown.",
        nullable=True,
    )
    approval: str = column(
        "not_needed; approved; pending: not deployed yet; missing: deployed without; wrong_approver: by others alone.",
        isin=APPROVALS,
    )
    approved_at: Instant = column("Instant of the last approval before deployment [UTC]; null without.", nullable=True)
    is_self_service: bool = column(
        "Whether clients requested the change and only clients approved it; null without a request.", nullable=True
    )
    deployed_at: Instant = column("Instant it first went live [UTC]; null: never.", nullable=True)
    lead_minutes: float = column(
        "From the request, or the save, until then [minutes], up = worse; null before.",
        nullable=True,
        decimals=SCORE_DECIMALS,
    )
    propagation_seconds: float = column(
        "Until the first conversation with it [s]: an upper bound, up = worse; null without one.",
        ge=0,
        nullable=True,
        decimals=SCORE_DECIMALS,
    )
    superseded_at: Instant = column("Instant another version last replaced it [UTC]; null while live.", nullable=True)
    rolled_back_at: Instant = column("Instant it was first rolled back [UTC]; null: never.", nullable=True)
    is_live: bool = column("Whether it is live.")
    outcome: str = column(
        "rolled_back: within the policy's success_days; too_early: these have not passed; succeeded; not_deployed.",
        isin=[SUCCEEDED, ROLLED_BACK, TOO_EARLY, NOT_DEPLOYED],
    )
    decision: str = column(
        "roll_back; hold: no rule failed; insufficient_data: no rule had the minimum volume; no_earlier_version: one "
        "failed, but there is no valid version to go back to; not_live.",
        isin=_rollback.DECISIONS,
    )
    rule: str = column(
        "Rule that failed first: error_rate, completion or response_time; null: none.",
        isin=_rollback.RULES,
        nullable=True,
    )
    observed: float = column(
        "What it observed [share, share, ms]; null: none failed.", ge=0, nullable=True, decimals=SCORE_DECIMALS
    )
    n: int = column("Requests or ended conversations of which; null: none failed.", ge=0, nullable=True)
    first_failed_at: Instant = column("Start of the window in which it failed [UTC]; null: none.", nullable=True)
    detected_after_minutes: float = column(
        "From going live to the end of that window [minutes], up = worse; null: none failed.",
        ge=0,
        nullable=True,
        decimals=SCORE_DECIMALS,
    )
    to_version: int = column("Version to go back to; null unless roll_back.", ge=1, nullable=True)


def config_changes(
    config_versions: ir.Table,
    service_windows: ir.Table,
    conversations: ir.Table,
    lifecycle_events: ir.Table,
    people: ir.Table,
    as_of: ir.DateScalar,
    policy: LifecyclePolicy,
) -> ir.Table:
    """Return the versions saved by the as-of date, with their fate up to its end."""
    end = days_after(as_of, 1).cast("timestamp")
    events = known_events(lifecycle_events, as_of)
    versions = config_versions.filter(config_versions.saved_at < end)
    live = live_versions(events)
    problems, requests = problems_of(versions, live, policy), requests_of(versions, events)
    rows = with_changes(versions, policy)
    for part in (
        live,
        problems,
        requests,
        approvals_of(requests, live, events, people),
        _propagation(live, conversations.filter(conversations.started_at < end)),
        _rollback.failures_of(live, known_windows(service_windows, as_of), policy),
        _rollback.earlier_versions(versions, live, problems),
    ):
        rows = lookup(rows, part, VERSION)
    rows = rows.mutate(
        is_live=rows.is_live.fill_null(False),
        problems=rows.problems.fill_null(ibis.literal([], "array<string>")),
    )
    rows = _rollback.with_decision(with_approval(rows))
    lead = rows.deployed_at.delta(ibis.coalesce(rows.requested_at, rows.saved_at), unit="microsecond")
    confidence = rows.claimed_kind.cases(*policy.config.confidence.items(), else_=ibis.null("float64"))
    is_claim_right = rows.kinds.contains(rows.claimed_kind) & (risk_of(rows.claimed_kind, policy) == rows.risk)
    return rows.mutate(
        is_claim_confident=rows.claim_confidence >= confidence,
        is_claim_right=rows.claimed_kind.isnull().ifelse(ibis.null("boolean"), is_claim_right),
        lead_minutes=minutes_in(lead),
        outcome=_outcome(rows, end, policy),
    )


def _propagation(live: ir.Table, conversations: ir.Table) -> ir.Table:
    """Return the time from the first deployment to the first conversation with the version."""
    pairs = live.select(*VERSION, "deployed_at").join(conversations.select(*VERSION, "started_at"), VERSION)
    pairs = pairs.filter(pairs.started_at >= pairs.deployed_at)
    first = pairs.group_by([*VERSION, "deployed_at"]).agg(first_at=pairs.started_at.min())
    microseconds = first.first_at.delta(first.deployed_at, unit="microsecond")
    return first.select(*VERSION, propagation_seconds=microseconds / MICROSECONDS_PER_SECOND)


def _outcome(rows: ir.Table, end: ir.TimestampScalar, policy: LifecyclePolicy) -> ir.StringValue:
    decided_at = rows.deployed_at + ibis.interval(days=policy.config.success_days)
    return ibis.cases(
        (rows.deployed_at.isnull(), NOT_DEPLOYED),
        ((rows.rolled_back_at <= decided_at).fill_null(False), ROLLED_BACK),
        (decided_at > end, TOO_EARLY),
        else_=SUCCEEDED,
    )


@check(blocking=True)
def rows_of_no_organization(config_changes: ir.Table, organizations: ir.Table) -> ir.Table:
    """Return versions whose organization is not in the file."""
    return without_organization(config_changes, organizations)


@check(blocking=True)
def configurations_with_two_live_versions(config_changes: ir.Table) -> ir.Table:
    """Return configurations of which more than one version is live."""
    live = config_changes.filter(config_changes.is_live)
    counted = live.group_by(CONFIGURATION).agg(versions=live.count())
    return counted.filter(counted.versions > 1)


@check
def deployments_without_approval(config_changes: ir.Table) -> ir.Table:
    """Return versions that went live without the approval that their risk needs."""
    is_unapproved = config_changes.approval.isin([MISSING, WRONG_APPROVER]) & config_changes.deployed_at.notnull()
    rows = config_changes.filter(is_unapproved)
    return rows.select(*VERSION, "risk", "approval", "change_id", "deployed_at")


@check
def deployments_of_no_version(config_versions: ir.Table, lifecycle_events: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Return deployments and rollbacks of versions that are not in the file."""
    rows = deployments(known_events(lifecycle_events, as_of)).rename(config_version="live_version")
    return rows.anti_join(config_versions, VERSION).select("event_id", *VERSION, "live_since")
