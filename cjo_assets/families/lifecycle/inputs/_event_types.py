"""Types of lifecycle events: the meaning of each column of the envelope by type, and which of them are required.

`docs/reference/event_types.md` shows this table. All types share the columns of `lifecycle_events`; a type gives
`subject_id`, `related_id`, `about`, `amount`, `quantity`, `due_at` and `parts` a meaning, or leaves them null.
"""

from __future__ import annotations

from dataclasses import dataclass

MONTHLY, ANNUAL = "monthly", "annual"
INTERVALS = (MONTHLY, ANNUAL)
NEW, OPEN, PENDING, ON_HOLD, SOLVED = "new", "open", "pending", "on_hold", "solved"
TICKET_STATUSES = (NEW, OPEN, PENDING, ON_HOLD, SOLVED)
PRODUCTION = "production"
# Subjects that are records of other datasets.
TICKET, CONVERSATION, CASE, CONFIGURATION = "ticket", "conversation", "ticket or conversation", "configuration"


@dataclass(frozen=True)
class EventType:
    """A type of event.

    Attributes:
        name: value of `event_type`.
        group: subject area.
        customer: whether a customer is required; an event of staff alone has none.
        subject: what `subject_id` identifies; empty where it has no meaning. Required.
        related: what `related_id` identifies. Required unless `is_related_optional`.
        about: what `about` names, or the words that it may hold. Required.
        amount, quantity, due, parts: what the column holds, with its unit.
        required: those of the last four that are required.
        is_related_optional: whether `related_id` may be null.
        bounds: least and greatest `quantity`.
    """

    name: str
    group: str
    customer: bool = True
    subject: str = ""
    related: str = ""
    about: str | tuple[str, ...] = ""
    amount: str = ""
    quantity: str = ""
    due: str = ""
    parts: str = ""
    required: tuple[str, ...] = ()
    is_related_optional: bool = False
    bounds: tuple[float, float] | None = None

    @property
    def required_columns(self) -> tuple[str, ...]:
        """Columns of the envelope that an event of this type must have."""
        named = {
            "customer_id": self.customer,
            "subject_id": bool(self.subject),
            "related_id": bool(self.related) and not self.is_related_optional,
            "about": bool(self.about),
        }
        return (*(column for column, is_required in named.items() if is_required), *self.required)


def _identity() -> tuple[EventType, ...]:
    group = "identity"
    return (
        EventType("assigned", group, subject="assignment", related="person", about="role"),
        EventType("assignment_ended", group, subject="assignment"),
        EventType("handoff_requested", group, subject="handoff", about="role it goes to", parts="given parts"),
        EventType("handoff_accepted", group, subject="handoff", about="role it goes to"),
        EventType("handoff_rejected", group, subject="handoff", about="role it goes to"),
        EventType(
            "specialist_invited",
            group,
            subject="opportunity",
            related="person",
            about="kind of opportunity",
            is_related_optional=True,
        ),
        EventType(
            "specialist_closed", group, subject="opportunity", about=("won", "lost"), amount="revenue [currency]"
        ),
        EventType(
            "agent_availability_set",
            group,
            customer=False,
            subject="person",
            about=("online", "busy", "away", "offline"),
        ),
    )


def _pipeline() -> tuple[EventType, ...]:
    group, deal = "pipeline", "deal"
    volume = "conversations [per month]"
    return (
        EventType("research_completed", group, subject=deal, quantity=f"predicted {volume}"),
        EventType("requirements_sent", group, subject=deal),
        EventType("requirements_validated", group, subject=deal, quantity=f"the client's {volume}"),
        EventType("demo_delivered", group, subject=deal),
        EventType("pilot_agreed", group, subject=deal),
        EventType("nda_sent", group, subject=deal),
        EventType("nda_signed", group, subject=deal),
        EventType("prd_started", group, subject=deal),
        EventType("prd_approved", group, subject=deal),
        EventType(
            "pricing_proposed",
            group,
            subject=deal,
            amount="price [currency per month]",
            quantity="cost [currency per month]",
            required=("amount",),
        ),
        EventType("pricing_approved", group, subject=deal),
        EventType("proposal_sent", group, subject=deal),
        EventType("proposal_signed", group, subject=deal, amount="value [currency per year]"),
        EventType(
            "dependency_opened",
            group,
            subject="dependency",
            related=deal,
            about="kind of dependency",
            due="day it is due",
            required=("due_at",),
        ),
        EventType("dependency_done", group, subject="dependency"),
    )


def _money() -> tuple[EventType, ...]:
    group, subscription, price = "money", "subscription", "price [currency per interval]"
    return (
        EventType("trial_started", group, subject=subscription, due="end of the trial"),
        *(
            EventType(
                name, group, subject=subscription, related="plan", about=INTERVALS, amount=price, required=("amount",)
            )
            for name in ("subscription_started", "subscription_changed")
        ),
        EventType("subscription_cancelled", group, subject=subscription, due="day it takes effect"),
        EventType(
            "invoice_issued",
            group,
            subject="invoice",
            related=subscription,
            amount="amount [currency]",
            due="day it is due",
            required=("amount", "due_at"),
            is_related_optional=True,
        ),
        EventType("payment_received", group, subject="invoice", amount="amount [currency]", required=("amount",)),
        EventType("payment_failed", group, subject="invoice"),
        EventType("invoice_voided", group, subject="invoice"),
    )


def _configuration() -> tuple[EventType, ...]:
    group = "configuration"
    return (
        EventType(
            "config_change_requested",
            group,
            subject="change",
            related=CONFIGURATION,
            about="claimed kind of change",
            quantity="confidence of the claim [0-1]",
            bounds=(0, 1),
        ),
        EventType("config_change_approved", group, subject="change"),
        EventType(
            "config_deployed",
            group,
            subject="change",
            related=CONFIGURATION,
            about="environment",
            quantity="version",
            required=("quantity",),
        ),
        EventType(
            "config_rolled_back",
            group,
            subject=CONFIGURATION,
            about="reason",
            quantity="version it went back to",
            required=("quantity",),
        ),
        EventType("tool_requested", group, about="tool"),
    )


def _support() -> tuple[EventType, ...]:
    group = "support"
    return (
        EventType("ticket_status_set", group, subject=TICKET, about=TICKET_STATUSES, parts="other changes"),
        EventType("escalated", group, subject=CASE, related="person", about="reason", is_related_optional=True),
        EventType("escalation_taken", group, subject=CASE),
        EventType(
            "csat_given", group, subject=CASE, quantity="satisfaction [1-5]", required=("quantity",), bounds=(1, 5)
        ),
        EventType("nps_given", group, quantity="recommendation [0-10]", required=("quantity",), bounds=(0, 10)),
    )


def _runtime() -> tuple[EventType, ...]:
    group, incident = "runtime", "incident"
    return (
        EventType("chat_reply_sent", group, subject=CONVERSATION),
        EventType("incident_opened", group, subject=incident, about="severity", parts="services"),
        EventType("incident_resolved", group, subject=incident),
        EventType("incident_notice_sent", group, subject=incident),
        EventType("rca_published", group, subject=incident),
    )


def _success() -> tuple[EventType, ...]:
    group = "success"
    return (
        EventType("qbr_held", group),
        EventType("practice_applied", group, about="practice"),
        EventType("message_sent", group, about="message"),
        EventType("message_opened", group, about="message"),
        EventType("message_clicked", group, about="message"),
    )


def _decisions() -> tuple[EventType, ...]:
    group, record = "decisions", "record of the CRM"
    return (
        EventType(
            "approval_requested",
            group,
            subject="request",
            about="kind",
            amount="amount [currency]",
            quantity="share [0-1]",
            bounds=(0, 1),
        ),
        EventType(
            "action_done",
            group,
            customer=False,
            subject="action",
            about=("success", "failure", "no_effect"),
            quantity="duration [minutes]",
        ),
        EventType("outbox_delivered", group, customer=False, subject="decision", about=("ok", "failed")),
        EventType("crm_stage_seen", group, subject=record, related="provider", about="stage"),
        EventType("crm_sync_failed", group, subject=record, related="provider"),
        EventType("crm_sync_succeeded", group, subject=record, related="provider"),
    )


EVENT_TYPES = (
    *_identity(),
    *_pipeline(),
    *_money(),
    *_configuration(),
    *_support(),
    *_runtime(),
    *_success(),
    *_decisions(),
)


def event_types_page() -> str:
    """Return the table of types as Markdown."""
    head = [
        "| event_type | subject_id | related_id | about | further columns | required |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join([*head, *(_line(kind) for kind in EVENT_TYPES)]) + "\n"


def _line(kind: EventType) -> str:
    further = {"amount": kind.amount, "quantity": kind.quantity, "due_at": kind.due, "parts": kind.parts}
    about = kind.about if isinstance(kind.about, str) else ", ".join(f"`{word}`" for word in kind.about)
    cells = (
        f"`{kind.name}`",
        kind.subject,
        kind.related,
        about,
        "; ".join(f"`{column}`: {meaning}" for column, meaning in further.items() if meaning),
        ", ".join(f"`{column}`" for column in kind.required_columns),
    )
    return f"| {' | '.join(cells)} |"
