"""Tests of the types of events: their number, their required columns, and the page that shows them."""

from cjo_assets.core.contract import columns_of
from cjo_assets.core.settings import PROJECT
from cjo_assets.families.lifecycle.inputs._event_types import EVENT_TYPES, event_types_page
from cjo_assets.families.lifecycle.inputs.lifecycle_events import LifecycleEvents

PAGE = PROJECT / "docs" / "reference" / "event_types.md"


def test_there_are_57_types_with_names_of_their_own() -> None:
    assert len({kind.name for kind in EVENT_TYPES}) == len(EVENT_TYPES) == 57


def test_required_columns_are_columns_of_the_envelope_that_have_a_meaning() -> None:
    names = {spec.name for spec in columns_of(LifecycleEvents)}
    for kind in EVENT_TYPES:
        assert set(kind.required_columns) <= names
        meanings = {"amount": kind.amount, "quantity": kind.quantity, "due_at": kind.due, "parts": kind.parts}
        assert all(meanings[name] for name in kind.required), kind.name
        assert kind.bounds is None or kind.quantity, kind.name


def test_the_page_shows_every_type() -> None:
    assert event_types_page() in PAGE.read_text(encoding="utf-8")
