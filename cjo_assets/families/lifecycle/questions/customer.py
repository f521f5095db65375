"""What the lifecycle adds to `cjo why` of a customer: stage and health, missed service levels, and offers."""

from cjo_assets.core.questions import CustomerView, Row
from cjo_assets.reporting.naming import page_naming
from cjo_assets.reporting.text import NOTHING, money, number, words

_OF_DAY = "WHERE as_of = $day AND customer_id = $customer"
QUERIES = {
    "stages": f"FROM lifecycle.lifecycle_stages {_OF_DAY}",
    "health": f"FROM lifecycle.health_scores {_OF_DAY}",
    "contributions": f"FROM lifecycle.health_contributions {_OF_DAY} ORDER BY points NULLS LAST, measure",
    "breached_clocks": f"""
        FROM lifecycle.ticket_sla {_OF_DAY} AND state = 'breached' ORDER BY breached_at, clock, ticket_id""",
    "offers": f"""
        FROM lifecycle.opportunities {_OF_DAY} AND is_indicated AND state IN ('open', 'invited')
        ORDER BY value DESC NULLS LAST, kind""",
}


def lines(parts: dict[str, list[Row]]) -> list[str]:
    """Return the lines of the branch."""
    return [
        *map(_stage, parts["stages"]),
        *map(_health, parts["health"]),
        *(_contribution(row) for row in parts["contributions"] if row["points"] is not None),
        *map(_clock, parts["breached_clocks"]),
        *map(_offer, parts["offers"]),
    ]


def _stage(row: Row) -> str:
    reasons = f": {_labelled(row['reasons'])}" if row["reasons"] else ""
    return f"stage {words(row['stage'])} since {row['seen_since']}{reasons}; revenue {money(row['mrr'])} a month"


def _health(row: Row) -> str:
    if row["score"] is None:
        return f"health unknown: data for {number(row['coverage'])} of the weight"
    before = "" if row["earlier_score"] is None else f"; before {number(row['earlier_score'], 1)}"
    return f"health {number(row['score'], 1)} of 100, {row['band']}{before}"


def _contribution(row: Row) -> str:
    added = NOTHING if row["contribution"] is None else number(row["contribution"])
    return f"{_label(row['measure'])}: {number(row['value'])}, {number(row['points'])} points, adds {added}"


def _clock(row: Row) -> str:
    return (
        f"{words(row['clock'])} of ticket {row['ticket_id']} ({row['priority']}) took {number(row['elapsed'])} of "
        f"{number(row['target'])} minutes, breached at {row['breached_at']:%Y-%m-%d %H:%M} UTC"
    )


def _offer(row: Row) -> str:
    against = f"; not now: {_labelled(row['blocked_by'])}" if row["blocked_by"] else ""
    return f"to offer: {_label(row['kind'])}, worth {money(row['value'])} a year{against}"


def _labelled(names: list[str]) -> str:
    return ", ".join(map(_label, names))


def _label(name: str) -> str:
    return page_naming().label("kind", name)


CUSTOMER_VIEW = CustomerView("Lifecycle", QUERIES, lines)
