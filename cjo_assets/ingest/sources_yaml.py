"""Sources of datasets in `sources.yaml` in the data folder: files, DuckDB tables and SQL tables."""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import yaml
from pydantic import ValidationError, field_validator, model_validator

from cjo_assets.core.contract import columns_of
from cjo_assets.core.dataset import Dataset
from cjo_assets.core.errors import InputError
from cjo_assets.core.family import registered_families
from cjo_assets.ingest.input_settings import Entry, FileSettings, TableSettings, Text

SOURCES_FILE = "sources.yaml"
RECURSIVE = "**"
# Up to three parts (database, schema, table), each a plain identifier or one in double quotes.
_PART = r'(?:[^\W\d][\w$]*|"(?:[^"\0]|"")+")'
TABLE_NAME = re.compile(rf"{_PART}(?:\.{_PART}){{0,2}}")
OF_OUR_VALIDATORS = "Value error, "


class OwnFile(FileSettings):
    """The file with the name of the dataset, in another format than UTF-8 with commas."""


class FilesSource(FileSettings):
    """Several files that form one dataset.

    Attributes:
        files: pattern relative to the data folder, for example signals/*.ndjson.
    """

    files: Text

    @field_validator("files")
    @classmethod
    def _stays_in_the_data_folder(cls, value: str) -> str:
        parts = PurePosixPath(value).parts
        if PurePosixPath(value).is_absolute() or PureWindowsPath(value).drive or ".." in parts:
            raise ValueError(f"the pattern {value} must be relative to the data folder and stay inside it")
        if not parts or "\0" in value:
            raise ValueError(f"the pattern {value!r} matches no file")
        if any(RECURSIVE in part and part != RECURSIVE for part in parts):
            raise ValueError(f"in the pattern {value}, ** must be a complete path part, for example **/*.json")
        return value


class TableSource(TableSettings):
    """A table or view of a database.

    Attributes:
        table: its name, with its schema.
    """

    table: Text

    @field_validator("table")
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        # It becomes part of a statement, in which a function would read any file, and a second statement write one.
        if not TABLE_NAME.fullmatch(value):
            raise ValueError(
                f"{value!r} is not the name of a table, for example crm.accounts; write a name with other characters "
                'than letters, digits and _ in double quotes: crm."accounts-2025"'
            )
        return value


class DuckDBSource(TableSource):
    """A table of a DuckDB file.

    Attributes:
        duckdb: the file, relative to the data folder.
    """

    duckdb: Text


class SqlSource(TableSource):
    """A table of a SQL database.

    Attributes:
        sql: the environment variable that holds its connection string, for example postgresql://...
        cursor: a column that increases when a row is added or changed; only rows since its last value are fetched.
    """

    sql: Text
    cursor: Text | None = None

    @model_validator(mode="after")
    def _keeps_versions(self) -> SqlSource:
        if self.cursor is not None and self.newest_by is not None:
            raise ValueError(
                "cursor and newest_by exclude each other, because a cursor replaces changed rows: remove one of them"
            )
        return self


Source = OwnFile | FilesSource | DuckDBSource | SqlSource
KINDS: dict[str, type[FilesSource] | type[DuckDBSource] | type[SqlSource]] = {
    "files": FilesSource,
    "duckdb": DuckDBSource,
    "sql": SqlSource,
}


class _UniqueKeys(yaml.SafeLoader):
    """YAML loader that refuses duplicate keys, of which YAML would use the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return a mapping with unique keys."""
        keys = [key.value for key, _ in node.value]
        doubled = sorted({str(key) for key in keys if keys.count(key) > 1})
        if doubled:
            raise yaml.constructor.ConstructorError(None, None, f"{', '.join(doubled)} occurs twice{node.start_mark}")
        return super().construct_mapping(node, deep)


def declared_sources(data: Path) -> dict[tuple[str, str], Source]:
    """Return the sources of `sources.yaml` by family and dataset; empty if there is no such file.

    Raises:
        InputError: the file is invalid, or it or its folder cannot be read.
    """
    path = data / SOURCES_FILE
    try:
        if not path.is_file():
            return {}
        content = yaml.load(path.read_text(encoding="utf-8"), _UniqueKeys) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"The file {path} cannot be read: {error}") from error
    if not isinstance(content, dict) or not all(isinstance(datasets, dict) for datasets in content.values()):
        raise InputError(f"{path} must map families to their datasets.")
    known = _known_datasets()
    found = {(family, name): entry for family, datasets in content.items() for name, entry in datasets.items()}
    unknown = [f"{family}.{name}" for family, name in found if (family, name) not in known]
    if unknown:
        names = ", ".join(sorted(f"{family}.{name}" for family, name in known))
        raise InputError(f"{path} has unknown datasets: {', '.join(unknown)}. Known datasets: {names}.")
    return {key: _entry(path, ".".join(key), entry, known[key]) for key, entry in found.items()}


def settings_of(source: Source | None) -> TableSettings | None:
    """Return the settings for the rows of a source; None if there are none to apply."""
    return source if source is not None and source.given() else None


def _known_datasets() -> dict[tuple[str, str], Dataset]:
    return {(family.name, dataset.name): dataset for family in registered_families() for dataset in family.datasets}


def _entry(path: Path, name: str, entry: object, dataset: Dataset) -> Source:
    kinds = [kind for kind in KINDS if isinstance(entry, dict) and kind in entry]
    settings = FileSettings.model_fields
    if not isinstance(entry, dict) or not entry or len(kinds) > 1 or (not kinds and not settings.keys() & entry.keys()):
        raise InputError(
            f"{path}, {name}: specify its source with exactly one of {', '.join(KINDS)}, "
            f"or the format of its file with {', '.join(settings)}."
        )
    kind = KINDS[kinds[0]] if kinds else OwnFile
    try:
        source = kind.model_validate(entry)
    except ValidationError as error:
        reasons = [_reason(list(map(str, item["loc"])), item["type"], item["msg"], kind) for item in error.errors()]
        raise InputError(f"{path}, {name}: {'; '.join(reasons)}.") from error
    ours = [spec.name for spec in columns_of(dataset.contract)]
    strangers = sorted(source.columns.keys() - set(ours))
    if strangers:
        raise InputError(
            f"{path}, {name}: columns: the dataset has no column {', '.join(strangers)}. "
            f"Map a column of the dataset to a column of the source; the dataset has {', '.join(ours)}."
        )
    return source


def _reason(place: list[str], kind_of_error: str, message: str, kind: type[Entry]) -> str:
    """Describe the fault of a setting for its author."""
    setting = ".".join(place)
    if kind_of_error == "extra_forbidden":
        return f"{setting}: unknown setting; possible are {', '.join(kind.model_fields)}"
    message = message.removeprefix(OF_OUR_VALIDATORS)
    return f"{setting}: {message[:1].lower()}{message[1:]}" if setting else message
