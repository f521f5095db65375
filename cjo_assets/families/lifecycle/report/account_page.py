"""Part of the lifecycle of the page on one customer: revenue, health, tickets, invoices, messages and decisions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from cjo_assets.reporting.document import Block, Column, Prose, Row, Section, Tile
from cjo_assets.reporting.naming import page_naming
from cjo_assets.reporting.profile import MOST_ROWS, Profile, Rows

SCHEMA = "lifecycle"
OF_DAY = "WHERE as_of = $day AND customer_id = $subject"
KNOWN = f"customer_id = $subject AND {{}} < CAST($day AS DATE) + 1 ORDER BY {{}} DESC, {{}} LIMIT {MOST_ROWS}"
QUERIES = {
    "organizations": "SELECT * FROM lifecycle.organizations WHERE customer_id = $subject",
    "accounts": f"SELECT * FROM lifecycle.accounts {OF_DAY}",
    "lifecycle_stages": f"SELECT * FROM lifecycle.lifecycle_stages {OF_DAY}",
    "health_scores": f"SELECT * FROM lifecycle.health_scores {OF_DAY}",
    "health_contributions": f"SELECT * FROM lifecycle.health_contributions {OF_DAY} "
    "ORDER BY weight * (100 - points) DESC NULLS LAST, measure",
    "mrr_movements": f"SELECT * FROM lifecycle.mrr_movements {OF_DAY} ORDER BY month DESC LIMIT {MOST_ROWS}",
    "plan_usage": f"SELECT * FROM lifecycle.plan_usage {OF_DAY} ORDER BY meter",
    "invoices": f"SELECT * FROM lifecycle.invoices {OF_DAY} ORDER BY issued_at DESC, invoice_id LIMIT {MOST_ROWS}",
    "tickets": f"SELECT * FROM lifecycle.tickets WHERE {KNOWN.format('created_at', 'created_at', 'ticket_id')}",
    "ticket_sla": f"SELECT * FROM lifecycle.ticket_sla {OF_DAY} AND stopped_at IS NULL "
    f"ORDER BY share DESC, ticket_id, clock LIMIT {MOST_ROWS}",
    "timeline": f"SELECT * FROM lifecycle.timeline WHERE "
    f"{KNOWN.format('occurred_at', 'occurred_at', 'source, record_id, kind')}",
    "lifecycle_messages": f"SELECT * FROM lifecycle.lifecycle_messages {OF_DAY} AND state != 'not_applicable' "
    "ORDER BY due_on NULLS LAST, message",
    "personalization": f"SELECT * FROM lifecycle.personalization {OF_DAY}",
    "opportunities": f"SELECT * FROM lifecycle.opportunities {OF_DAY} ORDER BY is_indicated DESC, kind",
    "outbox": f"SELECT * FROM lifecycle.outbox {OF_DAY} ORDER BY due_at NULLS LAST, decision_id LIMIT {MOST_ROWS}",
    "approval_queue": f"SELECT * FROM lifecycle.approval_queue {OF_DAY} "
    f"ORDER BY requested_at DESC, decision_id LIMIT {MOST_ROWS}",
    "assignments": f"SELECT * FROM lifecycle.assignments {OF_DAY} "
    "ORDER BY state != 'active', coalesce(accepted_at, requested_at) DESC, kind, assignment_id, role "
    f"LIMIT {MOST_ROWS}",
}
KEYS: dict[str, tuple[str, ...]] = dict.fromkeys(QUERIES, ("customer_id",)) | {
    "health_contributions": ("customer_id", "measure"),
    "mrr_movements": ("month", "customer_id"),
    "plan_usage": ("customer_id", "meter"),
    "invoices": ("invoice_id",),
    "tickets": ("ticket_id",),
    "ticket_sla": ("ticket_id", "clock"),
    "timeline": ("source", "record_id", "kind"),
    "lifecycle_messages": ("customer_id", "message"),
    "opportunities": ("customer_id", "kind"),
    "outbox": ("decision_id",),
    "approval_queue": ("decision_id",),
    "assignments": ("kind", "assignment_id", "role"),
}
HEALTH = (
    Column("measure", "measure", "words", below=(("", "component", "words"),)),
    Column("value", "value", "number"),
    Column("points of 100", "points", "whole"),
    Column("weight", "weight", "percent"),
    Column("adds", "contribution", "tenth"),
)
MOVEMENTS = (
    Column("month", "month", "month"),
    Column("from", "start_mrr", "money"),
    Column("to", "end_mrr", "money"),
    Column("change", "change_mrr", "money"),
    Column("movement", "movement", "words"),
)
USAGE = (
    Column("meter", "meter", "words"),
    Column("used", "used", "count"),
    Column("included", "included", "count"),
    Column("share", "share", "percent"),
    Column("state", "state", "words", is_status=True),
)
INVOICES = (
    Column("invoice", "invoice_id", below=(("issued", "issued_at", "instant"),)),
    Column("due", "due_on", "day"),
    Column("amount", "amount", "money"),
    Column("open", "open", "money"),
    Column("status", "status", "words", is_status=True),
    Column("days overdue", "days_overdue", "count"),
    Column("next step", "dunning", "words"),
)
TICKETS = (
    Column("ticket", "ticket_id", below=(("", "category", "words"),)),
    Column("priority", "priority", "words"),
    Column("created", "created_at", "instant"),
    Column("answered", "first_response_at", "instant"),
    Column("resolved", "resolved_at", "instant", below=(("by", "resolved_by", "words"),)),
    Column("assigned to", "assigned_to"),
)
CLOCKS = (
    Column("ticket", "ticket_id", below=(("", "priority", "words"),)),
    Column("clock", "clock", "words"),
    Column("state", "state", "words", is_status=True),
    Column("minutes", "elapsed", "whole", below=(("of", "target", "whole"),)),
    Column("due", "due_at", "instant"),
)
EVENTS = (
    Column("at", "occurred_at", "instant"),
    Column("what", "text", is_long=True),
    Column("role", "role", "words"),
    Column("record", "record_id"),
)
MESSAGES = (
    Column("message", "message", "words"),
    Column("state", "state", "words", is_status=True),
    Column("due", "due_on", "day"),
    Column("sent", "sent_on", "day"),
    Column("held by", "held_by", "names"),
)
VARIANTS = (
    Column("cohort", "cohort", "words"),
    Column("tone", "tone", "words"),
    Column("experiment", "experiment_id"),
    Column("variant", "variant_id"),
    Column("assigned by", "assigned_by", "words"),
)
OFFERS = (
    Column("opportunity", "kind", "words", below=(("", "offer", "names"),)),
    Column("state", "state", "words", is_status=True),
    Column("indicated", "is_indicated"),
    Column("value a year", "value", "whole"),
    Column("not now, because", "blocked_by", "names"),
)
DECISIONS = (
    Column("decision", "what", is_long=True, below=(("", "decision_id", "plain"),)),
    Column("due", "due_at", "instant"),
    Column("amount", "amount", "money"),
    Column("rule", "rule"),
    Column("approval", "approval_role", "words"),
    Column("delivered", "delivered", "words", below=(("", "delivered_at", "instant"),)),
)
REQUESTS = (
    Column("request", "what", is_long=True, below=(("", "decision_id", "plain"),)),
    Column("status", "status", "words", is_status=True),
    Column("with", "waits_with", "words"),
    Column("due", "due_at", "instant"),
    Column("answered", "decided_at", "instant", below=(("by", "decided_by", "plain"),)),
    Column("reason", "reason", "plain", below=(("", "category", "words"),)),
)
PEOPLE = (
    Column("person", "person_id", below=(("", "kind", "words"),)),
    Column("role", "role", "words"),
    Column("state", "state", "words", is_status=True),
    Column("since", "accepted_at", "instant"),
    Column("until", "ended_at", "instant"),
)
# Anchor, title and grids of each section: caption, columns, table, and the sentence where it has no rows.
Shown = tuple[str, tuple[Column, ...], str, str]
SECTIONS: tuple[tuple[str, str, tuple[Shown, ...]], ...] = (
    (
        "decisions",
        "Decisions and approvals of the account",
        (
            ("Decisions", DECISIONS, "outbox", "No decision."),
            ("Requests", REQUESTS, "approval_queue", "No request."),
        ),
    ),
    ("health", "What the health consists of", (("Measures", HEALTH, "health_contributions", "No score."),)),
    (
        "money",
        "Revenue, usage and invoices",
        (
            ("Recurring revenue by month", MOVEMENTS, "mrr_movements", "No revenue."),
            ("Use of the plan in the month", USAGE, "plan_usage", "No plan."),
            ("Invoices", INVOICES, "invoices", "No invoice."),
        ),
    ),
    (
        "tickets",
        "Tickets",
        (
            ("Running clocks", CLOCKS, "ticket_sla", "No clock is running."),
            ("Tickets, the newest first", TICKETS, "tickets", "No ticket."),
        ),
    ),
    (
        "growth",
        "Messages, experiments and opportunities",
        (
            ("Messages", MESSAGES, "lifecycle_messages", "No message."),
            ("Personalization", VARIANTS, "personalization", "No cohort."),
            ("Opportunities", OFFERS, "opportunities", "No opportunity."),
        ),
    ),
    ("people", "People", (("Assignments", PEOPLE, "assignments", "No person is assigned."),)),
    ("timeline", "Timeline", (("Events, the newest first", EVENTS, "timeline", "No event."),)),
)


def account_profile(day: date, rows: Mapping[str, list[Row]]) -> Profile:
    """Return the part of the lifecycle of the page on a customer."""
    del day
    found = Rows(rows, SCHEMA, KEYS, page_naming())
    organization = found.of("organizations")[0]
    sections = tuple(_section(found, *section) for section in SECTIONS)
    return Profile(organization.show("name"), _tiles(found), sections)


def _section(found: Rows, anchor: str, title: str, grids: tuple[Shown, ...]) -> Section:
    blocks: list[Block] = [found.grid(caption, columns, name, nothing) for caption, columns, name, nothing in grids]
    return Section(anchor, title, tuple(blocks))


def _tiles(found: Rows) -> tuple[Tile, ...]:
    tiles = []
    account, stage = found.first("accounts"), found.first("lifecycle_stages")
    health = found.first("health_scores")
    if stage is not None:
        because: Prose = ("because ", stage.show("reasons", "names")) if stage.has("reasons") else ()
        tiles.append(Tile("Stage of the account", (stage.show("stage", "words"),), because))
    if health is not None:
        change: Prose = (", ", health.show("change", "signed"), " in a week") if health.has("change") else ()
        tiles.append(Tile("Health, of 100", (health.show("score", "whole"),), (health.show("band", "words"), *change)))
    if account is not None:
        renewal: Prose = (", renewal ", account.show("renewal_on", "day")) if account.has("renewal_on") else ()
        plan: Prose = ("plan ", account.show("plan_id"), *renewal) if account.has("plan_id") else ("no plan",)
        tiles.append(Tile("Recurring revenue a month", (account.show("mrr", "money"),), plan))
    return tuple(tiles)
