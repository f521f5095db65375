"""Incidents: those that were opened, and failures in service windows that no incident reports.

One row per as-of date and incident. A window fails if it has too many errors of enough requests, or too many minutes
without an answer, by the policy; windows of maintenance do not fail. Adjacent failing windows of one service are one
failure. A failure is reported by an incident of the customer that names the service, or none, and that was open during
the failure or opened soon after it; otherwise it is an incident of its own, `unreported`.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, Instant, TextList, column, key
from cjo_assets.core.expressions.calendars import minutes_in
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.ids import content_id
from cjo_assets.core.expressions.numbers import SCORE_DECIMALS, whole
from cjo_assets.core.expressions.sentences import sentence
from cjo_assets.core.expressions.tables import first_per, lookup
from cjo_assets.families.lifecycle.inputs._tenancy import without_organization
from cjo_assets.families.lifecycle.inputs.lifecycle_events import known_events
from cjo_assets.families.lifecycle.operation._rollback import is_error_rate_exceeded
from cjo_assets.families.lifecycle.operation._windows import SERVICE, known_windows
from cjo_assets.families.lifecycle.support._deployments import deployments
from cjo_assets.policy.lifecycle import LifecyclePolicy

OPENED, RESOLVED_EVENT, NOTICE, RCA = (
    "incident_opened",
    "incident_resolved",
    "incident_notice_sent",
    "rca_published",
)
REPORTED, UNREPORTED = "reported", "unreported"
OPEN, RESOLVED = "open", "resolved"
INCIDENT = ["customer_id", "incident_id"]


class Incidents(DatedContract):
    """Incidents that were opened, and failures that none reports. One row per as-of date and incident."""

    incident_id: str = key("Incident; of an unreported one an id of its own.")
    customer_id: str = column("Customer.", personal="customer")
    source: str = column("reported: it was opened; unreported: found in service windows.", isin=[REPORTED, UNREPORTED])
    services: TextList = column("Services it names, or whose windows failed, sorted; empty: all.")
    severity: str = column("Severity; null of an unreported one.", nullable=True)
    opened_at: Instant = column("Instant it was opened, or the first failing window began [UTC].")
    resolved_at: Instant = column(
        "Instant it was resolved, or the last failing window ended [UTC]; null while it is open.", nullable=True
    )
    state: str = column(
        "open; resolved. An unreported one is open until a later window of the service did not fail.",
        isin=[OPEN, RESOLVED],
    )
    repair_minutes: float = column(
        "From opened to resolved [minutes], up = worse; null while it is open.",
        ge=0,
        nullable=True,
        decimals=SCORE_DECIMALS,
    )
    first_failed_at: Instant = column("Start of the first failing window [UTC]; null: no window failed.", nullable=True)
    detected_after_minutes: float = column(
        "From then to opened [minutes], up = worse; 0 where it was opened before; null without a failing window, where "
        "it is longer than the policy's window_minutes, and of an unreported one.",
        ge=0,
        nullable=True,
        decimals=SCORE_DECIMALS,
    )
    failing_windows: int = column("Failing windows [windows].", ge=0)
    requests: int = column("Requests of these [requests].", ge=0)
    errors: int = column("Of these, failed [requests], up = worse.", ge=0)
    down_minutes: int = column("Minutes without an answer in these [minutes], up = worse.", ge=0)
    versions: TextList = column(
        "Versions deployed in the policy's cause_minutes before it, as `configuration version`, sorted."
    )
    notice_sent_at: Instant = column("Instant the client was informed [UTC]; null before.", nullable=True)
    rca_published_at: Instant = column("Instant its cause was published [UTC]; null before.", nullable=True)


def incidents(
    service_windows: ir.Table, lifecycle_events: ir.Table, as_of: ir.DateScalar, policy: LifecyclePolicy
) -> ir.Table:
    """Return the incidents known on the as-of date, and the failures that none of them reports."""
    end = days_after(as_of, 1).cast("timestamp")
    events = known_events(lifecycle_events, as_of)
    failures = _failures(known_windows(service_windows, as_of), policy)
    opened = _opened(events)
    pairs = _pairs(failures, opened, end, policy)
    found = ibis.union(_reported(opened, pairs), _unreported(failures, pairs))
    rows = lookup(found, _versions(found, deployments(events), policy), INCIDENT)
    repair = rows.resolved_at.delta(rows.opened_at, unit="microsecond")
    since_failure = rows.opened_at.delta(rows.first_failed_at, unit="microsecond")
    is_exact = (rows.source == REPORTED) & (rows.first_minutes <= policy.rollback.window_minutes)
    detected_after = ibis.greatest(minutes_in(since_failure), 0.0)
    counts = {name: rows[name].fill_null(0) for name in ("failing_windows", "requests", "errors", "down_minutes")}
    return rows.mutate(
        state=rows.resolved_at.isnull().ifelse(OPEN, RESOLVED),
        repair_minutes=minutes_in(repair),
        detected_after_minutes=is_exact.ifelse(detected_after, ibis.null("float64")),
        versions=rows.versions.fill_null(ibis.literal([], "array<string>")),
        **counts,
    )


def _failures(windows: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    """Return the stretches of adjacent failing windows, with `is_last` (no later window of the service is known)."""
    is_failing = is_error_rate_exceeded(windows, policy) | (windows.down_minutes >= policy.incidents.down_minutes)
    latest = windows.group_by(SERVICE).agg(latest_ended_at=windows.window_ended_at.max())
    rows = windows.filter(is_failing)
    order = ["started_at", "window_id"]
    earlier = ibis.window(group_by=SERVICE, order_by=order, preceding=(None, 1))
    so_far = ibis.window(group_by=SERVICE, order_by=order, preceding=None, following=0)
    rows = rows.mutate(earlier_ended_at=rows.window_ended_at.max().over(earlier))
    is_new = (rows.started_at > rows.earlier_ended_at).fill_null(True)
    rows = rows.mutate(starts=is_new.ifelse(1, 0))
    rows = rows.mutate(stretch=rows.starts.sum().over(so_far))
    found = rows.group_by([*SERVICE, "stretch"]).agg(
        first_failed_at=rows.started_at.min(),
        last_failed_at=rows.window_ended_at.max(),
        first_minutes=rows.minutes.argmin(rows.started_at),
        failing_windows=rows.count(),
        requests=whole(rows.requests.sum()),
        errors=whole(rows.errors.sum()),
        down_minutes=whole(rows.down_minutes.sum()),
    )
    found = lookup(found, latest, SERVICE)
    failure_id = content_id("FAILURE", found.customer_id, found.service, found.first_failed_at)
    return found.mutate(failure_id=failure_id, is_last=found.last_failed_at >= found.latest_ended_at)


def _opened(events: ir.Table) -> ir.Table:
    """Return the incidents that were opened, with what was recorded about them."""
    rows = events.filter(events.event_type == OPENED)
    rows = first_per(rows, ["customer_id", "subject_id"], ["occurred_at", "event_id"])
    rows = rows.select(
        "customer_id",
        incident_id="subject_id",
        severity="about",
        opened_at="occurred_at",
        services=rows.parts.fill_null(ibis.literal([], "array<string>")).unique().sort(),
    )
    later = events.filter(events.event_type.isin([RESOLVED_EVENT, NOTICE, RCA]))
    later = later.rename(incident_id="subject_id")
    at = later.occurred_at
    sums = later.group_by(INCIDENT).agg(
        resolved_at=at.max(where=later.event_type == RESOLVED_EVENT),
        notice_sent_at=at.min(where=later.event_type == NOTICE),
        rca_published_at=at.min(where=later.event_type == RCA),
    )
    rows = lookup(rows, sums, INCIDENT)
    # A resolution before the incident was opened resolves nothing.
    is_resolved = rows.resolved_at >= rows.opened_at
    return rows.mutate(resolved_at=is_resolved.ifelse(rows.resolved_at, ibis.null("timestamp")))


def _pairs(failures: ir.Table, opened: ir.Table, end: ir.TimestampScalar, policy: LifecyclePolicy) -> ir.Table:
    """Return the failures that an incident reports, with its id."""
    reports = opened.select(*INCIDENT, "services", "opened_at", until=ibis.coalesce(opened.resolved_at, end))
    pairs = failures.join(reports, "customer_id")
    is_named = (pairs.services.length() == 0) | pairs.services.contains(pairs.service)
    latest_at = pairs.last_failed_at + ibis.interval(minutes=policy.incidents.report_minutes)
    return pairs.filter(is_named, pairs.opened_at <= latest_at, pairs.until > pairs.first_failed_at)


def _reported(opened: ir.Table, pairs: ir.Table) -> ir.Table:
    sums = pairs.group_by(INCIDENT).agg(
        first_minutes=pairs.first_minutes.argmin(pairs.first_failed_at),
        **{name: whole(pairs[name].sum()) for name in ("failing_windows", "requests", "errors", "down_minutes")},
        first_failed_at=pairs.first_failed_at.min(),
    )
    rows = lookup(opened, sums, INCIDENT)
    return _columns(rows.mutate(source=ibis.literal(REPORTED)))


def _unreported(failures: ir.Table, pairs: ir.Table) -> ir.Table:
    rows = failures.filter(failures.failure_id.notin(pairs.failure_id))
    rows = rows.mutate(
        incident_id=rows.failure_id,
        source=ibis.literal(UNREPORTED),
        severity=ibis.null("string"),
        opened_at=rows.first_failed_at,
        services=ibis.array([rows.service]),
        resolved_at=rows.is_last.ifelse(ibis.null("timestamp"), rows.last_failed_at),
        notice_sent_at=ibis.null("timestamp"),
        rca_published_at=ibis.null("timestamp"),
    )
    return _columns(rows)


def _columns(rows: ir.Table) -> ir.Table:
    """Return the columns of both kinds of incidents in one order and of one type."""
    instants = ("opened_at", "resolved_at", "first_failed_at", "notice_sent_at", "rca_published_at")
    return rows.select(
        *INCIDENT,
        "source",
        "severity",
        "services",
        "first_minutes",
        "failing_windows",
        "requests",
        "errors",
        "down_minutes",
        **{name: rows[name].cast("timestamp") for name in instants},
    )


def _versions(found: ir.Table, live: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    """Return the versions that went live shortly before incidents began."""
    is_short = (found.first_minutes <= policy.rollback.window_minutes).fill_null(False)
    began_at = is_short.ifelse(ibis.least(found.opened_at, found.first_failed_at), found.opened_at)
    pairs = found.select(*INCIDENT, began_at=began_at).join(live, "customer_id")
    since = pairs.began_at - ibis.interval(minutes=policy.incidents.cause_minutes)
    pairs = pairs.filter(pairs.live_since.between(since, pairs.began_at))
    name = sentence("{} {}", pairs.config_id, pairs.live_version)
    return pairs.group_by(INCIDENT).agg(versions=name.collect(distinct=True).sort())


@check(blocking=True)
def rows_of_no_organization(incidents: ir.Table, organizations: ir.Table) -> ir.Table:
    """Return incidents whose organization is not in the file."""
    return without_organization(incidents, organizations)


@check
def records_of_no_incident(lifecycle_events: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Return resolutions, notices and causes of incidents that were not opened, which therefore have no effect."""
    events = known_events(lifecycle_events, as_of, OPENED, RESOLVED_EVENT, NOTICE, RCA)
    opened = events.filter(events.event_type == OPENED).select("customer_id", "subject_id")
    rows = events.filter(events.event_type != OPENED).anti_join(opened, ["customer_id", "subject_id"])
    return rows.select("event_id", "event_type", "customer_id", incident_id="subject_id")
