"""Where datasets come from when they are not simply files of their own name: `sources.yaml` in the data folder.

Belongs here: what the file may say. Does not belong here: how files are read (`sources.py`) and how databases are
(`databases.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cjo_assets.wiring.errors import InputError

SOURCES_FILE = "sources.yaml"
Text = Annotated[str, Field(min_length=1)]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class FilesSource(_Entry):
    """Files that add up to one dataset.

    Attributes:
        files: pattern relative to the data folder, for example signals/*.ndjson.
    """

    files: Text


class TableSource(_Entry):
    """A table or view of a database.

    Attributes:
        table: its name, with its schema.
        columns: our name of a column to theirs, where they differ.
    """

    table: Text
    columns: dict[str, Text] = {}


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
        cursor: a column that only grows when a row is added or changed; with it only such rows are fetched.
    """

    sql: Text
    cursor: Text | None = None


Source = FilesSource | DuckDBSource | SqlSource
KINDS: dict[str, type[FilesSource] | type[DuckDBSource] | type[SqlSource]] = {
    "files": FilesSource,
    "duckdb": DuckDBSource,
    "sql": SqlSource,
}


def declared_sources(data: Path) -> dict[tuple[str, str], Source]:
    """Return the sources that `sources.yaml` declares, by family and dataset; none where there is no such file.

    Raises:
        InputError: the file says something that cannot be.
    """
    path = data / SOURCES_FILE
    if not path.is_file():
        return {}
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"The file {path} cannot be read: {error}") from error
    if not isinstance(content, dict) or not all(isinstance(datasets, dict) for datasets in content.values()):
        raise InputError(f"{path} must name families, and under each its datasets.")
    known = _known_datasets()
    found = {(family, name): entry for family, datasets in content.items() for name, entry in datasets.items()}
    unknown = [f"{family}.{name}" for family, name in found if (family, name) not in known]
    if unknown:
        names = ", ".join(sorted(f"{family}.{name}" for family, name in known))
        raise InputError(f"{path} names no dataset of ours: {', '.join(unknown)}. There are {names}.")
    return {key: _entry(path, ".".join(key), entry) for key, entry in found.items()}


def _known_datasets() -> set[tuple[str, str]]:
    from cjo_assets.wiring.families import all_families

    return {(family.name, dataset.name) for family in all_families() for dataset in family.datasets}


def _entry(path: Path, name: str, entry: object) -> Source:
    kinds = [kind for kind in KINDS if isinstance(entry, dict) and kind in entry]
    if len(kinds) != 1:
        raise InputError(f"{path}, {name}: say where it comes from with exactly one of {', '.join(KINDS)}.")
    try:
        return KINDS[kinds[0]].model_validate(entry)
    except ValidationError as error:
        reasons = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise InputError(f"{path}, {name}: {reasons}.") from error
