"""Generated datasets as Parquet, CSV or JSON files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pyarrow
import pyarrow.csv
import pyarrow.parquet

from cjo_assets.core.contract import columns_of
from cjo_assets.core.dataset import Dataset
from cjo_assets.synth.faults import lists_as_text
from cjo_assets.synth.made import Made, WorldError

FORMATS = ("parquet", "csv", "json")


class Sink(Protocol):
    """A file that takes tables of one schema, one after the other."""

    def write_table(self, table: pyarrow.Table) -> None:
        """Append rows."""

    def close(self) -> None:
        """Finish the file."""


class JsonArray:
    """A JSON array, one record a line."""

    def __init__(self, path: Path) -> None:
        """Begin the array."""
        self.file = path.open("w", encoding="utf-8", newline="\n")
        self.separator = "[\n"

    def write_table(self, table: pyarrow.Table) -> None:
        """Append rows."""
        for row in table.to_pylist():
            self.file.write(self.separator + json.dumps(row, default=str, separators=(",", ":")))
            self.separator = ",\n"

    def close(self) -> None:
        """End the array."""
        self.file.write("[]\n" if self.separator == "[\n" else "\n]\n")
        self.file.close()


class Csv:
    """A CSV file; lists are JSON arrays."""

    def __init__(self, path: Path, schema: pyarrow.Schema, has_quotes: bool) -> None:
        """Begin the file."""
        flat = lists_as_text(schema.empty_table()).schema
        # Without quotes a reader need not look for line breaks inside them, which makes it several times as fast.
        options = pyarrow.csv.WriteOptions(quoting_style="needed" if has_quotes else "none", quoting_header="none")
        self.writer = pyarrow.csv.CSVWriter(path, flat, write_options=options)

    def write_table(self, table: pyarrow.Table) -> None:
        """Append rows."""
        self.writer.write_table(lists_as_text(table))

    def close(self) -> None:
        """Finish the file."""
        self.writer.close()


def truth_file(out: Path, family: str) -> Path:
    """Return the file with the true parameters of a family's generated data."""
    return out / f"truth_{family}.json"


def require_room(out: Path, family: str, replace: bool) -> None:
    """Reject a folder with anything but the complete generated data of other families.

    Args:
        out: the folder.
        family: the family to be generated.
        replace: whether the generated files of this family may be replaced and other files ignored.

    Raises:
        WorldError: the folder is a file, or it is not empty and `replace` is off.
    """
    if out.exists() and not out.is_dir():
        raise WorldError(f"{out} is a file; --out names a folder.")
    if replace or not out.exists():
        return
    others = {path.stem.removeprefix("truth_") for path in out.glob("truth_*.json")} - {family}
    generated = {name for other in others for name in (other, truth_file(out, other).name)}
    unknown = sorted(path.name for path in out.iterdir() if path.name not in generated)
    if unknown:
        raise WorldError(
            f"The folder {out} is not empty (it holds {unknown[0]}); --force replaces the generated files of {family}."
        )


def write(made: Made, out: Path, file_format: str) -> Iterator[str]:
    """Write all datasets and then the truth file, and yield the name of a dataset after each batch.

    Raises:
        WorldError: the format is unknown, or the folder cannot be written.
    """
    if file_format not in FORMATS:
        raise WorldError(f"The format {file_format} is none of {', '.join(FORMATS)}.")
    folder = out / made.family
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # A dataset must have one file: remove those of an earlier request and of other formats.
        for dataset in made.datasets:
            for ending in FORMATS:
                (folder / f"{dataset.name}.{ending}").unlink(missing_ok=True)
        truth_file(out, made.family).unlink(missing_ok=True)
        with ExitStack() as files:
            sinks: dict[str, Sink] = {}
            datasets = {dataset.name: dataset for dataset in made.datasets}
            for name, table in made.batches():
                if name not in sinks:
                    path = folder / f"{name}.{file_format}"
                    sinks[name] = _sink(path, table.schema, _has_quotes(datasets[name]))
                    files.callback(sinks[name].close)
                sinks[name].write_table(table)
                yield name
        # Last, so that data with a truth file are complete.
        truth_file(out, made.family).write_text(json.dumps(made.truth(), indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise WorldError(f"{error.filename or out} cannot be written: {error.strerror or error}.") from error


def _has_quotes(dataset: Dataset) -> bool:
    """Return whether CSV cells of the dataset need quotes, as JSON does."""
    return any(spec.type.is_array() or spec.free_object for spec in columns_of(dataset.contract))


def _sink(path: Path, schema: pyarrow.Schema, has_quotes: bool) -> Sink:
    if path.suffix == ".json":
        return JsonArray(path)
    if path.suffix == ".csv":
        return Csv(path, schema, has_quotes)
    writer: Sink = pyarrow.parquet.ParquetWriter(path, schema, compression="zstd")
    return writer
