"""Needs: what another system or a person should do, in the columns that every source shares.

A need is identified by kind, customer and subject, so it has the same id on every day and in every warehouse. The
subject of a need that recurs names its occurrence, for example the month of a credit.
"""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.ids import content_hash, content_id
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS, rounded

PEOPLE, HELPDESK, CRM, BILLING, RUNTIME, MESSAGING = "people", "helpdesk", "crm", "billing", "runtime", "messaging"
SYSTEMS = [PEOPLE, HELPDESK, CRM, BILLING, RUNTIME, MESSAGING]
OUR_PREFIX = "L"
IDENTITY = ("kind", "customer_id", "subject_id")


@dataclass(frozen=True)
class Kind:
    """A kind of need.

    Attributes:
        name: value of `kind`.
        system: system that carries it out.
        topic: topic of the event stream to which a bridge may write it.
    """

    name: str
    system: str
    topic: str


ASSIGNMENT = Kind("assignment", PEOPLE, "agent_events")
ESCALATION = Kind("escalation", HELPDESK, "escalation_events")
ROLLBACK = Kind("rollback", RUNTIME, "monitoring_events")
CONFIG_CHANGE = Kind("config_change", RUNTIME, "prd_events")
INCIDENT_NOTICE = Kind("incident_notice", MESSAGING, "monitoring_events")
CREDIT = Kind("credit", BILLING, "billing_events")
DUNNING = Kind("dunning", BILLING, "billing_events")
SUSPENSION = Kind("suspension", BILLING, "billing_events")
BUDGET_ALERT = Kind("budget_alert", PEOPLE, "analytics_events")
THROTTLE = Kind("throttle", RUNTIME, "analytics_events")
PRICE = Kind("price", CRM, "sales_doc_events")
REQUIREMENTS_REMINDER = Kind("requirements_reminder", MESSAGING, "communication_events")
OUTREACH = Kind("outreach", PEOPLE, "research_events")
MESSAGE = Kind("message", MESSAGING, "communication_events")
OPPORTUNITY = Kind("opportunity", CRM, "customer_success_events")
CRM_STAGE = Kind("crm_stage", CRM, "crm_events")
CRM_CONFLICT = Kind("crm_conflict", CRM, "crm_events")
PROMOTION = Kind("promotion", MESSAGING, "communication_events")
KINDS = (
    ASSIGNMENT,
    ESCALATION,
    ROLLBACK,
    CONFIG_CHANGE,
    INCIDENT_NOTICE,
    CREDIT,
    DUNNING,
    SUSPENSION,
    BUDGET_ALERT,
    THROTTLE,
    PRICE,
    REQUIREMENTS_REMINDER,
    OUTREACH,
    MESSAGE,
    OPPORTUNITY,
    CRM_STAGE,
    CRM_CONFLICT,
    PROMOTION,
)


def needs(
    rows: ir.Table,
    kind: Kind,
    subject: ir.StringValue,
    what: ir.StringValue,
    evidence: list[ir.StringValue],
    *,
    rule: ir.StringValue | str,
    route: ir.StringValue | str | None = None,
    amount: ir.NumericValue | None = None,
    due_at: ir.Value | None = None,
) -> ir.Table:
    """Return the rows of a table as needs.

    Args:
        rows: rows with `customer_id`; each is one need.
        kind: the kind.
        subject: what the need is about, with its occurrence.
        what: what to do, in a sentence without figures that change from day to day.
        evidence: records and rows behind it, as table:key.
        rule: rule that applies, as the path of the policy or the name of the column that states it.
        route: name of the policy's approval rule; None where no approval is required.
        amount: amount [currency]; None without one.
        due_at: instant or day at which it is due; None without one.
    """
    customer = rows.customer_id if "customer_id" in rows.columns else ibis.null("string")
    names = sorted(rows.columns)
    return rows.select(
        customer_id=customer,
        kind=ibis.literal(kind.name),
        subject_id=subject,
        target_system=ibis.literal(kind.system),
        topic=ibis.literal(kind.topic),
        what=what,
        due_at=ibis.null("timestamp(6)") if due_at is None else due_at.cast("timestamp(6)"),
        amount=ibis.null("float64") if amount is None else rounded(amount, MONEY_DECIMALS).cast("float64"),
        route=_text(route),
        rule=_text(rule),
        evidence=ibis.array(evidence).sort(),
        input_hash=content_hash(*(rows[name] for name in names)),
    )


def decision_id(rows: ir.Table) -> ir.StringValue:
    """Return the id of a need, from its kind, customer and subject."""
    return content_id(OUR_PREFIX, *(rows[name] for name in IDENTITY))


def _text(value: ir.StringValue | str | None) -> ir.StringValue:
    return value if isinstance(value, ir.Value) else ibis.literal(value, "string")
