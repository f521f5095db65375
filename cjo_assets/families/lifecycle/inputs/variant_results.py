"""Daily results of the variants of message experiments.

One row per experiment, variant and day. They are counts over a cohort and name no customer.
"""

from datetime import date

from cjo_assets.core.contract import LARGEST_AMOUNT, LARGEST_COUNT, Contract, column, key
from cjo_assets.core.dataset import Dataset

COHORTS = ["at_risk", "renewal", "new_trial", "power", "other"]


class VariantResults(Contract):
    """Variant results that passed their contract. One row per experiment, variant and day."""

    experiment_id: str = key("Experiment.")
    variant_id: str = key("Variant.")
    result_date: date = key("Day of the results.")
    cohort: str = column("Cohort of the experiment.", isin=COHORTS)
    metric: str = column("Metric of success.")
    is_control: bool = column("Whether the variant is the control, of fixed share.")
    exposures: int = column("Exposures [exposures].", ge=0, le=LARGEST_COUNT)
    successes: int = column("Of these, successful [exposures].", ge=0, le=LARGEST_COUNT)
    session_seconds: float = column(
        "Mean length of a session [seconds]; null where unknown.", ge=0, le=LARGEST_AMOUNT, nullable=True
    )


DATASET = Dataset("variant_results", VariantResults, is_optional=True, record_date="result_date")
