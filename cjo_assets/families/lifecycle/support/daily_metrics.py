"""Metrics of service and usage by customer and day: the one definition of each rate.

One row per customer, metric and day. The day is that on which the facts were known, so that a reader of the days up to
an as-of date sees nothing later. Rows of later days are added as records become known, and rows of earlier days stay: a
breach that is still to come has the day on which it happens unless something is recorded before. `_metrics.py` defines
the metrics. Undated: rows do not depend on an as-of date.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import Contract, column, key
from cjo_assets.families.lifecycle.inputs._tenancy import without_organization
from cjo_assets.families.lifecycle.support import _conversation_metrics as of_conversations
from cjo_assets.families.lifecycle.support._metrics import NAMES
from cjo_assets.families.lifecycle.support._ticket_metrics import ticket_metrics
from cjo_assets.families.lifecycle.support._usage_metrics import model_metrics, search_metrics, usage_metrics
from cjo_assets.policy.lifecycle import LifecyclePolicy


class DailyMetrics(Contract):
    """Metrics of service and usage. One row per customer, metric and day."""

    # Readers want few metrics, so the rows of a metric are stored together.
    metric: str = key("Metric; docs/reference/daily_metrics.md has the definitions.", isin=NAMES)
    customer_id: str = key("Customer.", personal="customer")
    metric_day: date = key("Day on which the facts were known.")
    numerator: float = column("What is added up, in the unit of the metric; below 0 where it corrects an earlier day.")
    denominator: float = column("What it is divided by; null: the metric is a sum.", ge=0, nullable=True)
    n: int = column("Records that count; 0 where an earlier day is corrected.", ge=0)


def daily_metrics(
    conversations: ir.Table,
    tickets: ir.Table,
    sla_terms: ir.Table,
    usage_daily: ir.Table,
    knowledge_searches: ir.Table,
    model_calls: ir.Table,
    lifecycle_events: ir.Table,
    policy: LifecyclePolicy,
) -> ir.Table:
    """Return the metrics of all datasets; each metric comes from one of them, or was combined."""
    return ibis.union(
        of_conversations.conversation_metrics(conversations, lifecycle_events, policy),
        ticket_metrics(tickets, sla_terms, lifecycle_events, policy),
        usage_metrics(usage_daily),
        search_metrics(knowledge_searches, policy),
        model_metrics(model_calls, policy),
    )


@check(blocking=True)
def rows_of_no_organization(daily_metrics: ir.Table, organizations: ir.Table) -> ir.Table:
    """Return metrics whose organization is not in the file."""
    return without_organization(daily_metrics, organizations)


@check
def conversations_not_pinned(conversations: ir.Table, lifecycle_events: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    """Return conversations that changed their version, or did not begin with the live one."""
    rows = of_conversations.ended(conversations)
    rows = of_conversations.with_live_version(rows, lifecycle_events, policy)
    rows = rows.filter((~of_conversations.is_pinned(rows)).fill_null(False))
    return rows.select(
        "conversation_id", "customer_id", "config_id", "config_version", "ended_version", "live_version", "started_at"
    )


@check
def replies_during_calls(conversations: ir.Table, lifecycle_events: ir.Table) -> ir.Table:
    """Return replies of chatbots to users who were in a call of a voicebot."""
    rows = of_conversations.replies_during_calls(conversations, lifecycle_events)
    return rows.select("customer_id", "conversation_id", "chat_id", "replied_at")


@check
def documents_of_another_customer(knowledge_searches: ir.Table) -> ir.Table:
    """Return searches that found a document of another customer: a breach of tenancy in the source."""
    rows = knowledge_searches.filter(knowledge_searches.document_customer_id != knowledge_searches.customer_id)
    return rows.select("search_id", "customer_id", "document_id", "document_customer_id", "searched_at")
