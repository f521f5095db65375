"""Checks of the column names of a file: renamed by settings, unique, and complete."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from cjo_assets.core.contract import Column
from cjo_assets.core.errors import InputError
from cjo_assets.ingest.input_settings import TableSettings
from cjo_assets.ingest.parquet_types import doubled_names
from cjo_assets.ingest.setting_hints import column_hint, layout_hint

NAMES_SHOWN, CHARACTERS_SHOWN = 20, 200


def renamed(source_file: str, names: Sequence[str], settings: TableSettings) -> list[str]:
    """Return the columns of a file by their contract names.

    Raises:
        InputError: a setting names a column that the file does not have.
    """
    for ours, theirs in settings.columns.items():
        if theirs not in names:
            raise InputError(
                f"The file {source_file} has no column {theirs}, which the setting `columns` maps to {ours}: "
                f"its columns are {listed(names)}."
            )
    ours_of = {theirs: ours for ours, theirs in settings.columns.items()}
    found = [ours_of.get(name, name) for name in names]
    if settings.newest_by is not None and settings.newest_by not in found:
        raise InputError(
            f"The file {source_file} has no column {settings.newest_by}, which is set as `newest_by`: "
            f"its columns are {listed(found)}."
        )
    return found


def require_single(source_file: str, names: Collection[str]) -> None:
    """Refuse a file with duplicate columns, also if they differ only in case."""
    doubled = doubled_names(names)
    if doubled:
        raise InputError(f"The file {source_file} has duplicate columns in its header: {listed(doubled)}. Rename one.")


def require_columns(
    source_file: str, names: Collection[str], specs: Iterable[Column], dataset: str, archived: Path | None = None
) -> None:
    """Refuse a file that lacks a required column, and suggest settings that would find it.

    Args:
        source_file: name of the file.
        names: its columns.
        specs: the columns of the contract.
        dataset: the dataset.
        archived: the file, if it is a CSV that was read without settings.
    """
    specs = list(specs)
    if any("\0" in name for name in names):
        raise InputError(f"The file {source_file} has a NUL character in the name of a column.")
    absent = [spec.name for spec in specs if spec.is_required and spec.name not in names]
    if absent:
        present = f"its columns are {listed(names)}" if names else "none of its records is an object"
        is_one_cell = len(names) == 1 and any(mark in name for name in names for mark in ";\t|")
        separator = "; cells are separated by commas" if is_one_cell else ""
        hint = column_hint(names, absent, dataset)
        if archived is not None:
            hint = layout_hint(archived, specs, dataset) or hint
        advice = f" {hint[:1].upper()}{hint[1:]}." if hint else ""
        raise InputError(
            f"The file {source_file} lacks the required {', '.join(absent)}: {present}{separator}.{advice}"
        )


def listed(names: Collection[str]) -> str:
    """List names from a file: a limited number, with unprintable characters escaped."""
    shown = [name if name.isprintable() else repr(name) for name in names][:NAMES_SHOWN]
    rest = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(name[:CHARACTERS_SHOWN] for name in shown) + rest
