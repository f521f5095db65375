"""Commits of this repository, exported into folders and installed there with their own Makefile."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import Used, run_measured
from cjo_assets.core.settings import PROJECT

# The file by which every Makefile marks an installed environment.
STAMP = ".venv/.installed"
# Of the calling process: its settings, environments and options of make; and the switch without which Python keeps what
# it has compiled, so that a second run compiles nothing.
NOT_PASSED_ON = (
    "CJO_",
    "DAGSTER_",
    "MAKE",
    "MFLAGS",
    "PYTHONPATH",
    "PYTHONDONTWRITEBYTECODE",
    "VIRTUAL_ENV",
    "PIP_CONSTRAINT",
    "UV_CONSTRAINT",
)


@dataclass(frozen=True)
class Checkout:
    """An exported commit.

    Attributes:
        commit: hash of the commit.
        folder: its files; environment and home are inside.
    """

    commit: str
    folder: Path

    def make(self, target: str, data: Path | None = None) -> Used:
        """Build a target of its Makefile, with its own sample data or others, and return what that used."""
        caches = self.folder / ".caches"
        environment = environment_outside() | {"PIP_CACHE_DIR": str(caches / "pip"), "UV_CACHE_DIR": str(caches / "uv")}
        if data:
            environment["CJO_DATA"] = str(data)
        command = ["make", f"PYTHON={sys.executable}", target]
        output = self.folder.with_name(f"{self.folder.name}.txt")
        return run_measured(f"make {target} of {self.commit[:7]}", command, self.folder, environment, output)

    @property
    def program(self) -> Path:
        """Its command `cjo`."""
        return self.folder / ".venv" / "bin" / "cjo"

    def export(self) -> None:
        """Write the files of the commit into the empty folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        packed = _git("archive", "--format=tar", self.commit)
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(self.folder, filter="data")


def environment_outside() -> dict[str, str]:
    """Return the environment of this process without its virtual environment and the settings of this project."""
    return {name: value for name, value in os.environ.items() if not name.startswith(NOT_PASSED_ON)}


def resolved(commit: str) -> str:
    """Return the hash of a commit.

    Raises:
        SystemExit: the repository does not have it.
    """
    try:
        return _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}").decode().strip()
    except subprocess.CalledProcessError:
        raise SystemExit(
            f"The repository {PROJECT} has no commit {commit}. Check the name; in a shallow clone, run "
            "`git fetch --unshallow` first."
        ) from None


def has_changes() -> bool:
    """Return whether tracked files differ from the current commit."""
    return bool(_git("status", "--porcelain", "--untracked-files=no").strip())


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", "-C", str(PROJECT), *arguments], check=True, capture_output=True).stdout
