"""Requests and approvals of configuration changes, and the versions that they are about."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.tables import first_per, lookup
from cjo_assets.families.lifecycle.inputs.lifecycle_events import CLIENT
from cjo_assets.families.lifecycle.operation._settings import CONFIGURATION, HIGH, LOW, MEDIUM, NONE, VERSION
from cjo_assets.families.lifecycle.support._deployments import DEPLOYED

REQUESTED, APPROVED_EVENT = "config_change_requested", "config_change_approved"
ADMIN, CONFIG_MANAGER, PLATFORM_ENGINEER = "admin", "config_manager", "platform_engineer"
NOT_NEEDED, APPROVED, PENDING, MISSING, WRONG_APPROVER = (
    "not_needed",
    "approved",
    "pending",
    "missing",
    "wrong_approver",
)
APPROVALS = [NOT_NEEDED, APPROVED, PENDING, MISSING, WRONG_APPROVER]
CHANGE = ["customer_id", "change_id"]


def requests_of(versions: ir.Table, events: ir.Table) -> ir.Table:
    """Return the change that a version belongs to, and what was requested.

    The change is that of the first deployment, or the last request between the version before and this one.

    Returns:
        One row per version: change_id, requested_at, is_client_request, claimed_kind and claim_confidence; null
        without one.
    """
    requests = events.filter(events.event_type == REQUESTED)
    requests = first_per(requests, ["customer_id", "subject_id"], ["occurred_at", "event_id"]).select(
        "customer_id",
        "event_id",
        change_id="subject_id",
        config_id="related_id",
        requested_at="occurred_at",
        is_client_request=lambda row: row.actor_kind == CLIENT,
        claimed_kind="about",
        claim_confidence="quantity",
    )
    rows = lookup(versions.select(*VERSION), _deployed_change(events), VERSION)
    rows = lookup(rows, _requested_change(versions, requests), VERSION)
    rows = rows.select(*VERSION, change_id=ibis.coalesce(rows.deployed_change, rows.requested_change))
    return lookup(rows, requests, CHANGE, "requested_at", "is_client_request", "claimed_kind", "claim_confidence")


def _deployed_change(events: ir.Table) -> ir.Table:
    """Return the change of the first deployment of a version, to any environment."""
    rows = events.filter(events.event_type == DEPLOYED)
    rows = rows.select(
        "customer_id",
        "occurred_at",
        "event_id",
        config_id="related_id",
        config_version=rows.quantity.cast("int64"),
        deployed_change="subject_id",
    )
    return first_per(rows, VERSION, ["occurred_at", "event_id"]).drop("occurred_at", "event_id")


def _requested_change(versions: ir.Table, requests: ir.Table) -> ir.Table:
    before = ibis.window(group_by=[versions[name] for name in CONFIGURATION], order_by=versions.config_version)
    rows = versions.select(*VERSION, "saved_at", saved_before=versions.saved_at.lag().over(before))
    pairs = rows.join(requests.select(*CHANGE, "config_id", "requested_at", "event_id"), CONFIGURATION)
    is_after = pairs.saved_before.isnull() | (pairs.requested_at > pairs.saved_before)
    pairs = pairs.filter(pairs.requested_at <= pairs.saved_at, is_after)
    last = first_per(pairs, VERSION, [ibis.desc("requested_at"), ibis.desc("event_id")])
    return last.select(*VERSION, requested_change="change_id")


def with_approval(versions: ir.Table) -> ir.Table:
    """Add `approval` and `is_self_service` to versions with risk, deployed_at, the request and its approvals.

    A medium risk needs a config_manager or admin of the customer, a high one an admin of the customer and a
    platform_engineer of ours.
    """
    rows = versions
    has_any, has_admin, has_manager, has_engineer = (
        rows[name].fill_null(False) for name in ("has_any", "has_admin", "has_manager", "has_engineer")
    )
    is_high = rows.risk == HIGH
    is_entitled = is_high.ifelse(has_admin | has_engineer, has_admin | has_manager)
    approval = ibis.cases(
        (rows.risk.isin([NONE, LOW]), NOT_NEEDED),
        ((rows.risk == MEDIUM) & (has_admin | has_manager), APPROVED),
        (is_high & has_admin & has_engineer, APPROVED),
        (has_any & ~is_entitled, WRONG_APPROVER),
        (rows.deployed_at.isnull(), PENDING),
        else_=MISSING,
    )
    is_done = approval.isin([NOT_NEEDED, APPROVED])
    is_self_service = rows.is_client_request & is_done & rows.is_by_clients.fill_null(True)
    return rows.mutate(approval=approval, is_self_service=is_self_service)


def approvals_of(requests: ir.Table, live: ir.Table, events: ir.Table, people: ir.Table) -> ir.Table:
    """Return who approved the change of a version before its deployment, of people who worked then.

    Returns:
        One row per version with an approval: has_any, has_admin, has_manager, has_engineer, is_by_clients, approved_at.
    """
    given = events.filter(events.event_type == APPROVED_EVENT)
    given = given.select(
        "customer_id",
        "actor_id",
        change_id="subject_id",
        given_at="occurred_at",
        is_by_client=given.actor_kind == CLIENT,
    )
    approvers = people.select(
        "roles", "left_on", actor_id="person_id", organization="customer_id", is_known=people.person_id.notnull()
    )
    given = lookup(given, approvers, "actor_id")
    rows = lookup(requests.select(*VERSION, "change_id"), live, VERSION, "deployed_at").join(given, CHANGE)
    rows = rows.filter((rows.given_at <= rows.deployed_at).fill_null(True))
    works = rows.is_known.fill_null(False) & (rows.left_on >= rows.given_at.date()).fill_null(True)
    is_own = works & (rows.organization == rows.customer_id).fill_null(False)
    is_ours = works & rows.organization.isnull()
    rows = rows.mutate(
        is_admin=is_own & rows.roles.contains(ADMIN),
        is_manager=is_own & rows.roles.contains(CONFIG_MANAGER),
        is_engineer=is_ours & rows.roles.contains(PLATFORM_ENGINEER),
    )
    return rows.group_by(VERSION).agg(
        has_any=rows.count() > 0,
        has_admin=rows.is_admin.fill_null(False).any(),
        has_manager=rows.is_manager.fill_null(False).any(),
        has_engineer=rows.is_engineer.fill_null(False).any(),
        is_by_clients=rows.is_by_client.all(),
        approved_at=rows.given_at.max(),
    )
