"""Leaves of the lifecycle policy, with their alternative values."""

from typing import Any

from cjo_assets_tests.support.lifecycle.probe_decisions import DECISION_STARTING_FROM, DECISION_VALUES
from cjo_assets_tests.support.lifecycle.probe_experiments import EXPERIMENT_VALUES
from cjo_assets_tests.support.lifecycle.probe_operation import OPERATION_VALUES
from cjo_assets_tests.support.lifecycle.probe_people import PEOPLE_VALUES
from cjo_assets_tests.support.lifecycle.probe_success import SUCCESS_STARTING_FROM, SUCCESS_VALUES
from cjo_assets_tests.support.lifecycle.probe_support import SUPPORT_VALUES
from cjo_assets_tests.support.lifecycle.probe_value import VALUE_STARTING_FROM, VALUE_VALUES
from cjo_assets_tests.support.policy_leaves import DEFAULT, FamilyLeaves
from cjo_assets_tests.support.probe import leaves

# The words of the vocabulary that files of the lifecycle may hold.
WORDS = ("people_roles", "ticket_categories")
LEAVES: dict[str, Any] = dict(leaves(DEFAULT["lifecycle"], "lifecycle")) | {
    path: value for name in WORDS for path, value in leaves(DEFAULT["vocabulary"][name], f"vocabulary.{name}")
}

# What the rule of turning makes no policy of, or no difference.
OTHER_VALUES: dict[str, Any] = {
    **SUPPORT_VALUES,
    **SUCCESS_VALUES,
    **OPERATION_VALUES,
    **EXPERIMENT_VALUES,
    **PEOPLE_VALUES,
    **DECISION_VALUES,
    **VALUE_VALUES,
    "lifecycle.billing.currency": "EUR",
    # Each step begins a day earlier, and ends after the one before.
    "lifecycle.billing.dunning_days.reminder": 6,
    "lifecycle.billing.dunning_days.warning": 13,
    "lifecycle.billing.dunning_days.suspension_notice": 20,
    "lifecycle.billing.dunning_days.suspend": 29,
    # The retention of the sample is 0.969567, and 0.0869 of its revenue is overdue.
    "lifecycle.targets.nrr.target": 0.96,
    "lifecycle.targets.nrr.critical": 0.97,
    "lifecycle.targets.at_risk_share.target": 0.2,
    "lifecycle.targets.at_risk_share.critical": 0.1,
    "lifecycle.targets.breached_share.target": 0.2,
    "lifecycle.targets.breached_share.critical": 0.06,
    "lifecycle.reporting.worst_customers": 2,
    "lifecycle.targets.overdue_share.target": 0.10,
    "lifecycle.targets.overdue_share.critical": 0.08,
    # Six deals are open.
    "lifecycle.reporting.report_rows": 2,
    # A discrepancy of a tenth.
    "lifecycle.pipeline.volume_tolerance": 0.05,
}

LIFECYCLE = FamilyLeaves(
    LEAVES,
    {path: {path: value} for path, value in OTHER_VALUES.items()},
    SUCCESS_STARTING_FROM | DECISION_STARTING_FROM | VALUE_STARTING_FROM,
    {},
    (),
)
