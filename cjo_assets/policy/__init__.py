"""The policy: typed sections, how `policy.yaml` is read, and its hash."""

from cjo_assets.policy.base import Vocabulary, Weights
from cjo_assets.policy.journey import JourneyPolicy
from cjo_assets.policy.marketing import MarketingPolicy
from cjo_assets.policy.policy import (
    NO_STAGE,
    NOT_OVERRIDABLE,
    OVERRIDABLE_SECTIONS,
    Policy,
    PolicyError,
    SegmentRules,
    default_rules,
    hash_of_content,
    load_policy,
    rules_by_segment,
    section_named,
    tracks_progress,
)

__all__ = [
    "NOT_OVERRIDABLE",
    "NO_STAGE",
    "OVERRIDABLE_SECTIONS",
    "JourneyPolicy",
    "MarketingPolicy",
    "Policy",
    "PolicyError",
    "SegmentRules",
    "Vocabulary",
    "Weights",
    "default_rules",
    "hash_of_content",
    "load_policy",
    "rules_by_segment",
    "section_named",
    "tracks_progress",
]
