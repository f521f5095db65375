"""The policy: typed sections, how `policy.yaml` is read, and its hash."""

from cjo_assets.policy.journey import JourneyPolicy, Vocabulary, Weights
from cjo_assets.policy.marketing import MarketingPolicy
from cjo_assets.policy.policy import (
    NO_STAGE,
    NOT_OVERRIDABLE,
    OVERRIDABLE_SECTIONS,
    Policy,
    PolicyError,
    hash_of_content,
    load_policy,
)

__all__ = [
    "NOT_OVERRIDABLE",
    "NO_STAGE",
    "OVERRIDABLE_SECTIONS",
    "JourneyPolicy",
    "MarketingPolicy",
    "Policy",
    "PolicyError",
    "Vocabulary",
    "Weights",
    "hash_of_content",
    "load_policy",
]
