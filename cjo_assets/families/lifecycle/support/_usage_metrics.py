"""Daily metrics of product usage, searches of the knowledge base and language models."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.families.lifecycle.money._model_prices import with_cost
from cjo_assets.families.lifecycle.support._metrics import share_of, summed
from cjo_assets.policy.lifecycle import LifecyclePolicy


def usage_metrics(usage_daily: ir.Table) -> ir.Table:
    """Return the metrics of usage by customer and day, of which the dataset has one row."""
    is_active = (usage_daily.logins > 0) | (usage_daily.active_users > 0)
    values: dict[str, ir.NumericValue] = {
        "logins": usage_daily.logins,
        "active_days": is_active.ifelse(1, 0),
        "active_users": usage_daily.active_users,
        "features": usage_daily.features_used,
        "api_calls": usage_daily.api_calls,
        "voice_minutes": usage_daily.voice_minutes,
    }
    # One scan per metric reads two of the stored columns, and its rows come in the order of the key.
    return ibis.union(
        *(
            usage_daily.select(
                "customer_id",
                metric_day="usage_date",
                metric=ibis.literal(name),
                numerator=value.cast("float64"),
                denominator=ibis.null("float64"),
                n=ibis.literal(1, "int64"),
            )
            for name, value in values.items()
        )
    )


def search_metrics(knowledge_searches: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    """Return the metrics of searches by customer and day."""
    rows = knowledge_searches
    is_hit = rows.document_id.notnull() & (rows.confidence >= policy.retrieval.confidence)
    measures = {
        "searches": (1, None),
        "search_hits": share_of(is_hit.fill_null(False)),
        "search_helpful": share_of(rows.was_helpful),
        "search_ms": (rows.latency_ms, 1),
    }
    return summed(rows, rows.searched_at.date(), measures)


def model_metrics(model_calls: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    """Return the cost of language models by customer and day; calls of a model without a price do not count."""
    rows = with_cost(model_calls, policy)
    nothing = ibis.null("float64")
    measures = {
        "model_cost": (rows.is_cache_hit.ifelse(nothing, rows.cost), None),
        "cost_avoided": (rows.is_cache_hit.ifelse(rows.cost, nothing), None),
    }
    return summed(rows, rows.called_at.date(), measures)
