"""World of generated lifecycle data: what its numbers mean, and their values.

They describe invented clients and are no policy: a policy may differ from them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from cjo_assets.core.contract import allowed_words, columns_of
from cjo_assets.families.lifecycle.inputs.people import People
from cjo_assets.families.lifecycle.inputs.tickets import Tickets
from cjo_assets.policy import Policy
from cjo_assets.synth.made import WorldError

SUCCESS_MANAGER, SUPPORT_SPECIALIST, CLIENT_ADMIN = "success_manager", "support_specialist", "admin"
FEATURE_REQUEST = "feature_request"


@dataclass(frozen=True)
class Plan:
    """A plan.

    Attributes:
        name: its id.
        monthly_price: list price [currency per month].
        conversations, voice_minutes, api_calls: included units [per month]; None for any number.
        budget: of language-model calls [currency per month].
        unit_prices: of a further conversation, voice minute and API call [currency].
    """

    name: str
    monthly_price: float
    conversations: int | None
    voice_minutes: int | None
    api_calls: int | None
    budget: float | None
    unit_prices: tuple[float, float, float]


@dataclass(frozen=True)
class Wave:
    """Clients that decline within the same days.

    Attributes:
        share: of the clients that would not decline otherwise [0-1].
        days_before_end: most and least days before the last day on which their decline begins.
    """

    share: float
    days_before_end: tuple[int, int]


@dataclass(frozen=True)
class LifecycleWorld:
    """Clients, and what happens to them.

    Attributes:
        plans, plan_shares: plans from the smallest, and the shares of clients that begin on each.
        industries: as a source would write them.
        categories: of tickets.
        client_share: of organizations that sign a contract.
        trial_share: of organizations that have a trial.
        trial_days: length of a trial.
        days_to_start: least and most days from the signup to the contract.
        annual_share: of contracts that are billed by the year.
        price_spread: least and greatest price, as a multiple of the list price.
        change_chances: of a first and a second change of the price.
        change_factors: factors on the price, and their shares.
        addon_share, addon_price: of clients with a second subscription, and its price as a share of the first.
        decline_share: of clients whose use falls and whose tickets wait, from some day on.
        decline_onset: least and most days from the contract to that day.
        decline_days, decline_floor: days in which use falls to a share of what it was.
        decline_wait: factor on the waiting time of their tickets.
        churn_after_decline, churn_delay: share of declining clients that leave, and least and most days until then.
        churn_otherwise, churn_after: share of the others that leave, and least and most days of their contract.
        return_share, return_after: of those that left and return, and least and most days until then.
        late_share, late_days: of cancellations that are recorded later, and the most days until then.
        paid_share, failed_share, void_share: of invoices.
        active_day_share: of days with use, of a client that does not decline.
        escalated_share, resolved_share: of conversations; of those resolved, where use does not fall.
        csat_share: of conversations and tickets that are rated.
        window_days: days before the last on which services are measured.
        measured_share, contracted_share: of clients with measured services, and with contracted targets.
        searches, calls: searches and language-model calls, on average per client.
        names: of the first organizations; the others are numbered.
        wave: clients that decline together; None for none.
        recovery_delay: least and most days after the onset on which the use of those that stay begins to return; None:
            it does not return.
    """

    plans: tuple[Plan, ...]
    plan_shares: tuple[float, ...]
    industries: tuple[str, ...]
    categories: tuple[str, ...]
    client_share: float
    trial_share: float
    trial_days: int
    days_to_start: tuple[int, int]
    annual_share: float
    price_spread: tuple[float, float]
    change_chances: tuple[float, ...]
    change_factors: tuple[tuple[float, float], ...]
    addon_share: float
    addon_price: float
    decline_share: float
    decline_onset: tuple[int, int]
    decline_days: int
    decline_floor: float
    decline_wait: float
    churn_after_decline: float
    churn_delay: tuple[int, int]
    churn_otherwise: float
    churn_after: tuple[int, int]
    return_share: float
    return_after: tuple[int, int]
    late_share: float
    late_days: int
    paid_share: float
    failed_share: float
    void_share: float
    active_day_share: float
    escalated_share: float
    resolved_share: float
    csat_share: float
    window_days: int
    measured_share: float
    contracted_share: float
    searches: float
    calls: float
    names: tuple[str, ...] = ()
    wave: Wave | None = None
    recovery_delay: tuple[int, int] | None = None

    def without_effect(self) -> LifecycleWorld:
        """Return the same world, in which clients leave whether or not their use falls."""
        both = self.decline_share * self.churn_after_decline + (1 - self.decline_share) * self.churn_otherwise
        return replace(self, churn_after_decline=0.0, churn_otherwise=both)


PLANS = (
    Plan("starter", 1000.0, 25, 0, 1000, 40.0, (2.0, 0.1, 0.01)),
    Plan("growth", 3500.0, 40, 0, 5000, 200.0, (1.5, 0.08, 0.008)),
    Plan("enterprise", 9000.0, None, 1000, None, None, (1.0, 0.05, 0.005)),
)


def default_lifecycle_world() -> LifecycleWorld:
    """Return the world of generated data."""
    return LifecycleWorld(
        plans=PLANS,
        plan_shares=(0.5, 0.35, 0.15),
        industries=("banking", "healthcare", "insurance", "retail", "travel"),
        categories=(
            "deployment_issue",
            "configuration_question",
            "billing_inquiry",
            FEATURE_REQUEST,
            "bug_report",
        ),
        client_share=0.8,
        trial_share=0.4,
        trial_days=14,
        days_to_start=(20, 60),
        annual_share=0.4,
        price_spread=(0.8, 1.2),
        change_chances=(0.35, 0.2),
        change_factors=((0.75, 0.2), (0.9, 0.1), (1.15, 0.4), (1.5, 0.3)),
        addon_share=0.15,
        addon_price=0.3,
        decline_share=0.25,
        decline_onset=(45, 400),
        decline_days=60,
        decline_floor=0.15,
        decline_wait=6.0,
        churn_after_decline=0.7,
        churn_delay=(30, 120),
        churn_otherwise=0.08,
        churn_after=(60, 600),
        return_share=0.1,
        return_after=(20, 150),
        late_share=0.1,
        late_days=10,
        paid_share=0.97,
        failed_share=0.03,
        void_share=0.01,
        active_day_share=0.7,
        escalated_share=0.08,
        resolved_share=0.88,
        csat_share=0.3,
        window_days=30,
        measured_share=0.5,
        contracted_share=0.2,
        searches=8.0,
        calls=12.0,
    )


def require_lifecycle_words(world: LifecycleWorld, policy: Policy) -> None:
    """Reject a policy without the words of the generated rows.

    Raises:
        WorldError: naming the words that the policy lacks.
    """
    used = {
        "ticket categories": (Tickets, "category", set(world.categories)),
        "roles of people": (People, "roles", {SUCCESS_MANAGER, SUPPORT_SPECIALIST, CLIENT_ADMIN}),
    }
    faults = []
    for what, (contract, name, words) in used.items():
        spec = next(spec for spec in columns_of(contract) if spec.name == name)
        known = allowed_words(spec, policy.vocabulary) if spec.words else policy.vocabulary.people_roles
        if missing := words - set(known):
            faults.append(f"{what}: {', '.join(sorted(missing))}")
    if faults:
        raise WorldError(f"The policy does not know what the generated clients are made of: {'; '.join(faults)}.")
