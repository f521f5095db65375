"""Values that differ between two policies."""

from __future__ import annotations

from typing import Any

from cjo_assets.core.family import deciding_family
from cjo_assets.policy import Policy

AUTHORSHIP = ("version", "author", "approver", "reason")
OVERRIDES = "segment_overrides"


def differing_values(before: Policy, after: Policy) -> list[tuple[str, Any, Any]]:
    """Return the values that differ between two policies, by path; None for a value that a policy lacks.

    A segment without an override has the general value. Author, approver and reason are left out.
    """
    old, new = (_leaves(policy.model_dump(mode="json", exclude=set(AUTHORSHIP))) for policy in (before, after))
    pairs = [(path, _effective(old, path), _effective(new, path)) for path in sorted(old | new)]
    return [(path, former, latter) for path, former, latter in pairs if former != latter]


def _effective(leaves: dict[str, Any], path: str) -> Any:
    """Return the value of a path; for a segment without the override, the general value."""
    section, _, rest = path.partition(".")
    if path in leaves or section != OVERRIDES:
        return leaves.get(path)
    return leaves.get(f"{deciding_family().name}.{rest.partition('.')[2]}")


def _leaves(content: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in content.items():
        path = f"{prefix}.{name}".lstrip(".")
        found |= _leaves(value, path) if isinstance(value, dict) else {path: value}
    return found
