"""Archived policies: the recorded content of a policy, read under the fields of the present version."""

from __future__ import annotations

import functools
import json
import types
import typing
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import ValidationError

from cjo_assets.policy.base import Section
from cjo_assets.policy.policy import Policy, hash_of_content, load_policy

Content = dict[str, Any]


@dataclass(frozen=True)
class ArchivedPolicy:
    """A policy of an earlier run.

    Attributes:
        policy: its values. `policy_hash` and `content` are those that were recorded.
        filled: fields that the recorded content lacks; their values are those of the packaged policy.
        dropped: fields of the recorded content that the present version does not have.
    """

    policy: Policy
    filled: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


def read_archived(content: str) -> ArchivedPolicy:
    """Read the recorded content of a policy, whatever version recorded it.

    A field that was added since is filled with its packaged value, and a field that was removed since is ignored.

    Raises:
        ValidationError: a recorded value is not valid under the present version.
    """
    try:
        return ArchivedPolicy(Policy.model_validate_json(content))
    except ValidationError:
        recorded = _parsed(content)
        if recorded is None:
            raise
    filled: list[str] = []
    dropped: list[str] = []
    merged = _completed(Policy, recorded, _packaged(), "", filled, dropped)
    policy = Policy.model_validate_json(json.dumps(merged))
    # The decisions of the day name the policy by the hash of what was recorded, not of what it was completed to.
    vars(policy).update(policy_hash=hash_of_content(content), content=content)
    return ArchivedPolicy(policy, tuple(filled), tuple(dropped))


def _parsed(content: str) -> Content | None:
    try:
        found = json.loads(content)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


@functools.cache
def _packaged() -> Content:
    return load_policy().model_dump(mode="json")


def _completed(
    section: type[Section], recorded: Content, packaged: Content, path: str, filled: list[str], dropped: list[str]
) -> Content:
    """Return the recorded values of a section with exactly the fields that the section has now."""
    completed: Content = {}
    for name, field in section.model_fields.items():
        here = f"{path}.{name}".lstrip(".")
        if name not in recorded:
            if name in packaged:
                completed[name] = packaged[name]
                filled.append(here)
            continue
        value, default = recorded[name], packaged.get(name)
        part, is_mapping = _section_in(field.annotation)
        if part is None or not isinstance(value, dict):
            completed[name] = value
        elif is_mapping:
            known = default if isinstance(default, dict) else {}
            completed[name] = {
                key: _completed(part, entry, known.get(key, {}), f"{here}.{key}", filled, dropped)
                if isinstance(entry, dict)
                else entry
                for key, entry in value.items()
            }
        else:
            completed[name] = _completed(part, value, default or {}, here, filled, dropped)
    dropped += [f"{path}.{name}".lstrip(".") for name in recorded if name not in section.model_fields]
    return completed


def _section_in(annotation: Any) -> tuple[type[Section] | None, bool]:
    """Return the section that a field holds, and whether the field is a mapping of such sections."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation, False
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return _section_in(arguments[0])
    if origin is dict:
        return _section_in(arguments[1])[0], True
    if origin in (typing.Union, types.UnionType):
        found = [_section_in(part) for part in arguments]
        return next((pair for pair in found if pair[0] is not None), (None, False))
    return None, False
