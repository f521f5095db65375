"""Values that differ between two policies."""

from __future__ import annotations

from typing import Any

from cjo_assets.policy import Policy

AUTHORSHIP = ("version", "author", "approver", "reason")


def differing_values(before: Policy, after: Policy) -> list[tuple[str, Any, Any]]:
    """Return the values that differ between two policies, by path; None for a value that a policy lacks.

    Author, approver and reason are left out.
    """
    old, new = (_leaves(policy.model_dump(mode="json", exclude=set(AUTHORSHIP))) for policy in (before, after))
    return [(path, old.get(path), new.get(path)) for path in sorted(old | new) if old.get(path) != new.get(path)]


def _leaves(content: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in content.items():
        path = f"{prefix}.{name}".lstrip(".")
        found |= _leaves(value, path) if isinstance(value, dict) else {path: value}
    return found
