"""Other values for the policy of value, where the rule of `turned` makes no valid policy or no difference."""

from typing import Any

VALUE_VALUES: dict[str, Any] = {
    "lifecycle.baselines.deploy_days": 40.0,
    "lifecycle.baselines.churn_rate": 0.05,
    "lifecycle.baselines.clients_per_agent": 2.0,
    "lifecycle.kpis.churn_months": 6,
    # A KPI of the sample reaches 0.983607 of its target, another 0.555556.
    "lifecycle.kpis.warning_threshold": 0.99,
    "lifecycle.kpis.critical_threshold": 0.6,
    # One of seven KPIs is measured.
    "lifecycle.kpis.minimum_measured_share": 0.1,
    "lifecycle.kpis.targets.service.first_contact": 0.9,
    "lifecycle.kpis.targets.value.nrr": 1.0,
    "lifecycle.kpis.targets.value.grr": 0.9,
}
VALUE_STARTING_FROM: dict[str, dict[str, Any]] = {
    # Without a baseline the rate has nothing to be compared with.
    "lifecycle.kpis.churn_months": {"lifecycle.baselines.churn_rate": 0.05},
}
