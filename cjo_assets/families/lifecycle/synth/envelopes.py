"""Generated lifecycle events in the envelope that all types share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow

from cjo_assets.families.lifecycle.synth.world import CLIENT_ADMIN
from cjo_assets.synth.columns import Numbers, id_column, instant_column, row_id_column

OwnedTable = tuple[Numbers, pyarrow.Table]
ORGANIZATION_DIGITS = 7
ADMIN = f"SYN_{CLIENT_ADMIN}_"
CLIENT = "client"
TEXTS = ("subject_id", "related_id", "about")
NUMBERS = ("amount", "quantity")
INSTANTS = ("recorded_at", "due_at")


@dataclass
class Log:
    """Events of a chunk of organizations.

    Attributes:
        number: numbers of the organizations, as their ids have them.
        end: first second after the last day; later events have not happened.
        currency: currency of the amounts.
        parts: the events by type, each with the organization of each row.
    """

    number: pyarrow.Array
    end: int
    currency: str
    parts: list[OwnedTable] = field(default_factory=list)

    def add(
        self, kind: str, owner: Numbers, second: Numbers, actor: str = "system", series: str = "", **columns: Any
    ) -> None:
        """Add the events of one type that have happened.

        Args:
            kind: value of `event_type`.
            owner: organization of each event, in order.
            second: instant of each event [seconds since 1970-01-01].
            actor: value of `actor_kind`.
            series: part of the ids, where a type is added several times.
            columns: further columns of the envelope: text or None for all rows, or an array; instants in seconds.
        """
        rows = pyarrow.array(np.flatnonzero(second < self.end))
        events = {
            "event_id": row_id_column(f"SYN_EV_{kind}{series}_", owner, self.number),
            "event_type": _same(kind, owner.size),
            "occurred_at": instant_column(second),
            "recorded_at": _instants(columns.get("recorded_at"), owner.size),
            "customer_id": customer_ids(self.number, owner),
            "actor_kind": _same(actor, owner.size),
            "actor_id": owned_ids(ADMIN, self.number, owner) if actor == CLIENT else _same(None, owner.size),
            "currency": _same(self.currency if "amount" in columns else None, owner.size),
        }
        events |= {name: _texts(columns.get(name), owner.size) for name in TEXTS}
        events |= {name: _numbers(columns.get(name), owner.size) for name in NUMBERS}
        events["due_at"] = _instants(columns.get("due_at"), owner.size)
        parts = columns.get("parts")
        listed = pyarrow.list_(pyarrow.string())
        events["parts"] = pyarrow.nulls(owner.size, listed) if parts is None else pyarrow.array(parts, listed)
        self.parts.append((owner[rows.to_numpy()], pyarrow.table(events).take(rows)))

    def table(self) -> OwnedTable:
        """Return all events by organization."""
        owner = np.concatenate([owner for owner, _ in self.parts])
        order = np.argsort(owner, kind="stable")
        rows = pyarrow.concat_tables([table for _, table in self.parts])
        return owner[order], rows.take(pyarrow.array(order))


def customer_ids(number: pyarrow.Array, owner: Numbers) -> pyarrow.Array:
    """Return the ids of organizations: those of the customers of generated journeys."""
    return owned_ids("SYN_C", number, owner)


def owned_ids(prefix: str, number: pyarrow.Array, owner: Numbers) -> pyarrow.Array:
    """Return the id of something that each organization has once."""
    return id_column(prefix, number.take(pyarrow.array(owner)))


def _same(text: str | None, count: int) -> pyarrow.Array:
    return pyarrow.repeat(pyarrow.scalar(text, pyarrow.string()), count)


def _texts(given: Any, count: int) -> pyarrow.Array:
    return _same(given, count) if given is None or isinstance(given, str) else given


def _numbers(given: Any, count: int) -> pyarrow.Array:
    return pyarrow.nulls(count, pyarrow.float64()) if given is None else pyarrow.array(given.astype(float))


def _instants(given: Any, count: int) -> pyarrow.Array:
    """Return seconds as instants; a negative second is none."""
    if given is None:
        return pyarrow.nulls(count, pyarrow.timestamp("us"))
    return instant_column(given, given < 0)
