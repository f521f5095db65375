"""Generated data of the demonstration, in which the families describe the same customers.

The lifecycle comes first. Its clients are the customers of the journey, with their numbers, contracts and ends; while
the use of a client falls, most of its weeks in the journey are bad ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow

from cjo_assets.demo import company
from cjo_assets.families.journey.synth.datasets import Request, generated
from cjo_assets.families.journey.synth.default_world import SEGMENTS
from cjo_assets.families.journey.synth.journeys import Cohort
from cjo_assets.families.lifecycle.synth.datasets import GeneratedLifecycle, LifecycleRequest, generated_lifecycle
from cjo_assets.families.lifecycle.synth.draws import NEVER
from cjo_assets.families.lifecycle.synth.envelopes import ORGANIZATION_DIGITS
from cjo_assets.families.marketing.synth.datasets import MarketingRequest, generated_marketing
from cjo_assets.policy import Policy
from cjo_assets.synth.columns import numbers_as_text
from cjo_assets.synth.made import Made
from cjo_assets.synth.writer import write

MONTHS_PER_YEAR = 12


def made_families(policy: Policy) -> tuple[Made, ...]:
    """Return the rows of each family.

    Raises:
        WorldError: the policy lacks words that the rows need.
    """
    lifecycle = generated_lifecycle(
        LifecycleRequest(
            company.CUSTOMERS,
            company.SEED,
            company.LAST_DAY,
            company.WEEKS,
            company.CONVERSATIONS,
            company.TICKETS,
        ),
        policy,
        company.lifecycle_world(),
    )
    cohort = cohort_of(lifecycle)
    journey = generated(
        Request(
            len(cohort.number),
            company.SEED,
            company.LAST_DAY,
            company.WEEKS,
            company.SIGNALS_PER_CUSTOMER,
            with_performance_log=True,
        ),
        policy,
        company.journey_world(),
        cohort,
    )
    marketing = generated_marketing(
        MarketingRequest(
            company.CAMPAIGNS,
            company.SEED,
            company.LAST_DAY,
            company.CAMPAIGN_WEEKS,
            with_touchpoints=True,
            with_experiment_metrics=True,
        ),
        policy,
        company.marketing_world(),
    )
    return lifecycle, journey, marketing


def cohort_of(lifecycle: GeneratedLifecycle) -> Cohort:
    """Return the clients of the lifecycle as customers of the journey."""
    clients, plans = lifecycle.clients(0), lifecycle.world.plans
    rows = {name: values[: lifecycle.request.organizations] for name, values in clients.rows.items()}
    rows = {name: values[rows["start_day"] != NEVER] for name, values in rows.items()}
    segments = [list(SEGMENTS).index(company.SEGMENT_OF_PLAN[plan.name]) for plan in plans]
    number = numbers_as_text(1, lifecycle.request.organizations, ORGANIZATION_DIGITS)
    return Cohort(
        number=number.take(pyarrow.array(rows["org"])),
        segment=np.array(segments)[rows["plan"]],
        account_value=np.round(rows["price"] * np.where(rows["is_annual"], 1, MONTHS_PER_YEAR), 2),
        first_day=rows["start_day"],
        trouble_day=rows["onset_day"],
        relief_day=rows["recovery_day"],
        churn_day=rows["churn_day"],
        distress_share=company.DISTRESS_SHARE,
    )


def write_demo(out: Path, policy: Policy) -> Iterator[str]:
    """Write the files of all families and their true parameters, and yield the name of a dataset after each batch.

    Raises:
        WorldError: the folder cannot be written, or the policy lacks words that the rows need.
    """
    for made in made_families(policy):
        yield from write(made, out, "parquet")
