"""Outcomes in the probe: decisions of an earlier day, executed or in the holdout, and their results."""

from datetime import date, timedelta
from typing import Any

import pyarrow

from cjo_assets.core.contract import Contract, schema_of
from cjo_assets.engine.store import Store
from cjo_assets.families.journey.decision.recommended_interventions import RecommendedInterventions
from cjo_assets.families.journey.portfolio.portfolio_snapshots import PortfolioSnapshots
from cjo_assets_tests.support.rows import default_row

Rows = list[dict[str, Any]]

AGE_DAYS = 40
ARM = 40
RECOVERED = {False: 30, True: 10}
OVERRIDDEN = 8
PLAYBOOK = "P_ONB_1"


def add_experience(data: dict[str, Rows], probe_day: date) -> None:
    """Add the customers of an earlier day, their way, the outcomes of what was carried out, and an older log."""

    def ago(days: int) -> str:
        return (probe_day - timedelta(days=days)).isoformat()

    for is_held_out, number, customer_id in _customers():
        data["customers"].append(
            {"customer_id": customer_id, "segment": "SMB", "account_value": 100, "tenure_months": 30, "risk_tier": None}
        )
        is_recovered = number < RECOVERED[is_held_out]
        # Churned by the day of the probe, so they need no decision; those who recovered did so within the window.
        way = [("onboarding", AGE_DAYS + 5, None), ("churned", 2, "engagement" if is_recovered else "onboarding")]
        way += [("engagement" if number % 2 else "retention", AGE_DAYS - 10, "onboarding")] if is_recovered else []
        data["journey_state_log"] += [
            {
                "customer_id": customer_id,
                "journey_stage": stage,
                "state_entered_at": ago(days),
                "days_in_state": None,
                "previous_stage": previous,
            }
            for stage, days, previous in way
        ]
        if not is_held_out:
            data["outcomes"].append(
                {
                    "outcome_id": f"O-{customer_id}",
                    "intervention_id": f"I-{customer_id}",
                    "customer_id": customer_id,
                    "outcome": "resolved" if is_recovered else "no_response",
                    "resolution_time_days": 4 if is_recovered else None,
                    "csat_delta": 0,
                    "churn_risk_delta": 0,
                    "estimated_revenue_saved": 1800 if is_recovered else 0,
                    "human_override": number < OVERRIDDEN,
                    "measured_at": ago(35),
                }
            )
    data["playbook_performance_log"] = [
        {
            "playbook_id": "P_ENG_1",
            "segment": "All",
            "runs": 20,
            "success_rate": 0.7,
            "avg_cost": 80,
            "avg_value": 600,
            "roi_ratio": 5.25,
            "override_rate": 0.1,
            "last_updated": ago(60),
        }
    ]


def decide_earlier(store: Store, probe_day: date) -> None:
    """Put the earlier day's decisions, and a portfolio of the week before, where those days would have stored them."""
    earlier = probe_day - timedelta(days=AGE_DAYS)
    rows = [
        default_row(RecommendedInterventions, 1)
        | {
            "as_of": earlier,
            "generated_at": earlier,
            "intervention_id": f"I-{customer_id}",
            "customer_id": customer_id,
            "segment": "SMB",
            "journey_stage": "onboarding",
            "playbook_id": PLAYBOOK,
            "recommended_action": "onboarding_call",
            "confidence": 0.55,
            "expected_cost": 120.0,
            "expected_value": 2000.0,
            "is_held_out": is_held_out,
        }
        for is_held_out, _, customer_id in _customers()
    ]
    week_before = probe_day - timedelta(days=7)
    # So much that it has fallen since, whatever is at risk today.
    portfolio = default_row(PortfolioSnapshots, 1) | {"as_of": week_before, "revenue_at_risk": 1e9}
    _insert(store, "recommended_interventions", RecommendedInterventions, rows)
    _insert(store, "portfolio_snapshots", PortfolioSnapshots, [portfolio])
    store.days_of_run = (earlier, week_before)


def _insert(store: Store, table: str, contract: type[Contract], rows: Rows) -> None:
    store.connection.register("rows", pyarrow.Table.from_pylist(rows, schema=schema_of(contract).to_pyarrow()))
    store.connection.execute(f"INSERT INTO journey.{table} BY NAME FROM rows")
    store.connection.unregister("rows")


def _customers() -> list[tuple[bool, int, str]]:
    """Return side, number and id of each customer."""
    return [
        (is_held_out, number, f"X{int(is_held_out)}{number:02d}")
        for is_held_out in (False, True)
        for number in range(ARM)
    ]
