"""Files of a dataset: found by name or by `sources.yaml`, and archived by content."""

from __future__ import annotations

import codecs
import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from cjo_assets.core.dataset import Dataset
from cjo_assets.core.errors import InputError
from cjo_assets.core.progress import at_work
from cjo_assets.ingest.conversion import converted
from cjo_assets.ingest.databases import extracted
from cjo_assets.ingest.formats import (
    CHUNK_BYTES,
    FORMATS,
    PLAIN,
)
from cjo_assets.ingest.headers import listed
from cjo_assets.ingest.raw_tables import Content, SourceFile
from cjo_assets.ingest.setting_hints import encoding_hint
from cjo_assets.ingest.sources_yaml import FilesSource, OwnFile, declared_sources

EXTRACTS = "extracts"
# Key of the row count among the counts of columns, which never have a blank name.
ROWS = " "


def find_file(data: Path, family: str, dataset: str) -> Path | None:
    """Return the file of a dataset, in the folder of its family or in the data folder itself.

    Raises:
        InputError: the folder does not exist, the dataset has two files, or its file is not a regular file.
    """
    found = [path for path in namesakes(data, family, dataset) if _is_named(path, dataset)]
    if len(found) > 1:
        names = " and ".join(str(path.relative_to(data)) for path in found)
        raise InputError(f"The dataset {dataset} has more than one file: {names}. Remove all but one.")
    if found and not found[0].is_file():
        raise InputError(f"{found[0]} is a folder or a broken link; a file is expected.")
    return found[0] if found else None


def files_of(data: Path, family: str, dataset: Dataset, extracts: Path) -> list[SourceFile]:
    """Return the files of a dataset: those of its source, or the file with its name; empty if there is none.

    Raises:
        InputError: a path cannot be read.
    """
    source = declared_sources(data).get((family, dataset.name))
    settings = source or PLAIN
    if source is None or isinstance(source, OwnFile):
        path = find_file(data, family, dataset.name)
        return [SourceFile(path.name, path, settings)] if path else []
    if not isinstance(source, FilesSource):
        path = extracted(source, dataset, data, extracts)
        # The extract has the column names of the contract already.
        return [SourceFile(path.name, path, source.model_copy(update={"columns": {}}))]
    paths = [path for path in sorted(data.glob(source.files)) if path.is_file()]
    strangers = [path.name for path in paths if path.suffix.lower() not in FORMATS]
    if strangers:
        raise InputError(
            f"{source.files} matches {listed(strangers)}: the extension is none of {', '.join(sorted(FORMATS))}."
        )
    return [SourceFile(path.relative_to(data).as_posix(), path, settings) for path in paths]


def archived_contents(files: list[SourceFile], archive: Path, dataset: Dataset) -> list[Content]:
    """Copy files into the archive and return the copies, converted where settings describe the format.

    Raises:
        InputError: a file cannot be copied or converted, or two files have the same bytes.
    """
    contents = []
    for file in files:
        with at_work(f"Archiving {described(file.name, file.path)}"):
            if file.settings.given():
                contents.append(converted(file, dataset, archive))
            else:
                contents.append(Content(file, *archived(file.path, archive, dataset.name)))
    _require_different(contents)
    return contents


def _require_different(contents: list[Content]) -> None:
    """Refuse two files with the same bytes, whose rows could not be distinguished."""
    for place, content in enumerate(contents):
        for other in contents[:place]:
            if content.sha256 == other.sha256:
                raise InputError(f"The files {other.file.name} and {content.file.name} are identical. Remove one.")


def is_supplied(data: Path, family: str, datasets: Iterable[Dataset]) -> bool:
    """Return whether any dataset of a family has a source or a file."""
    declared = declared_sources(data)
    return any((family, dataset.name) in declared or namesakes(data, family, dataset.name) for dataset in datasets)


def namesakes(data: Path, family: str, dataset: str) -> list[Path]:
    """Return all paths in the folders with the name of a dataset, whatever the extension."""
    try:
        if not data.is_dir():
            raise InputError(f"The data folder {data} does not exist or is not a folder.")
        folders = [folder for folder in (data, data / family) if folder.is_dir()]
        paths = [path for folder in folders for path in sorted(folder.iterdir())]
    except OSError as error:
        raise InputError(f"The data folder {error.filename} cannot be read: {error.strerror}.") from error
    return [path for path in paths if path.name.lower().startswith(f"{dataset}.")]


def _is_named(path: Path, dataset: str) -> bool:
    return path.stem.lower() == dataset and path.suffix.lower() in FORMATS


def archived(path: Path, archive: Path, dataset: str) -> tuple[str, Path]:
    """Copy a file into the archive under the hash of its bytes, so that the bytes that are read are the hashed ones."""
    is_text = FORMATS[path.suffix.lower()] != "parquet"
    decoder = codecs.getincrementaldecoder("utf-8")()
    digest, size = hashlib.sha256(), 0
    partial = archive / f".{path.name}.{os.getpid()}"
    try:
        archive.mkdir(parents=True, exist_ok=True)
        with path.open("rb") as source, partial.open("wb") as target:
            while chunk := source.read(CHUNK_BYTES):
                digest.update(chunk)
                target.write(chunk)
                if is_text:
                    decoder.decode(chunk)
                size += len(chunk)
            if is_text:
                decoder.decode(b"", final=True)
        archived = archive / digest.hexdigest()
        if not archived.exists():
            shutil.move(partial, archived)
        return digest.hexdigest(), archived
    except UnicodeDecodeError as error:
        raise InputError(
            f"The file {path.name} is not UTF-8: {error.reason} near byte {size + error.start}. "
            f"{encoding_hint(path, dataset)}"
        ) from error
    except OSError as error:
        raise InputError(
            f"The file {path} cannot be copied into {archive}: {error.strerror} ({error.filename})."
        ) from error
    finally:
        if archive.is_dir():
            partial.unlink(missing_ok=True)


def described(name: str, path: Path) -> str:
    """Return the name of a file and its size."""
    return f"{name} ({path.stat().st_size / 1e6:,.0f} MB)"
