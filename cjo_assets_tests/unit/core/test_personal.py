"""Marks of personal columns: no contract leaves out one, and a name means the same everywhere."""

import importlib
import pkgutil
from collections.abc import Iterator

import pytest

import cjo_assets
from cjo_assets.catalog import all_families
from cjo_assets.core.contract import Contract, columns_of
from cjo_assets.core.personal import KINDS, Personal

# Names that identify a person: customer_id, example_customer_id, open_intervention_id, intervention_id_before, ...
PARTS = {f"{kind}_id": kind for kind in KINDS} | {"by_signals": "signal"}


def all_contracts() -> Iterator[type[Contract]]:
    """Return every contract there is: of tables, of datasets, and of what is computed on demand."""
    for found in pkgutil.walk_packages(cjo_assets.__path__, "cjo_assets."):
        if found.name.startswith(("cjo_assets.families.", "cjo_assets.audit.")):
            importlib.import_module(found.name)
    all_families()
    waiting: list[type[Contract]] = [Contract]
    while waiting:
        contract = waiting.pop()
        waiting += contract.__subclasses__()
        yield contract


def test_every_column_named_like_an_identifier_is_marked() -> None:
    marks: dict[str, set[Personal | None]] = {}
    for contract in all_contracts():
        for spec in columns_of(contract):
            marks.setdefault(spec.name, set()).add(spec.personal)
    expected = {name: kind for name in marks for part, kind in PARTS.items() if part in name}
    assert len(expected) >= 12, "else there is nothing to prove"
    for name, kind in expected.items():
        found = marks[name]
        assert {mark.kind for mark in found if mark} == {kind}, f"{name} is not marked as {kind}"
        assert None not in found, f"{name} carries no mark in some contract"
        assert len(found) == 1, f"{name} is marked in more than one way"


def test_raw_records_are_marked_wherever_they_are_kept() -> None:
    specs = [spec for contract in all_contracts() for spec in columns_of(contract) if spec.name == "raw_record"]
    assert len(specs) > 1
    assert {spec.personal for spec in specs} == {Personal("record")}


def test_a_mark_that_nothing_reads_is_refused() -> None:
    for wrong in ({"kind": "user"}, {}, {"kind": "customer", "said_by": "kind"}):
        with pytest.raises(ValueError, match="marks no kind"):
            Personal(**wrong)
