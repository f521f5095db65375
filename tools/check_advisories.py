"""Check of the installed packages against the known vulnerabilities in `advisories.yaml`, without the network.

python -m tools.check_advisories            the packages of this environment, as `make check` does
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path

import yaml
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ADVISORIES = Path(__file__).with_name("advisories.yaml")
Listed = Mapping[str, Mapping[str, list[str]]]


def installed() -> dict[str, str]:
    """Return the versions of the packages of this environment, by normalized name."""
    return {canonicalize_name(found.metadata["Name"]): found.version for found in distributions()}


def findings(versions: Mapping[str, str], listed: Listed) -> Iterator[str]:
    """Return a line for each installed version that an advisory names.

    Args:
        versions: installed versions, by normalized name.
        listed: advisories by package and affected versions.
    """
    for package, affected in listed.items():
        version = versions.get(canonicalize_name(package))
        for versions_affected, advisories in affected.items():
            if version is not None and SpecifierSet(versions_affected).contains(version, prereleases=True):
                yield f"{package} {version} has {', '.join(advisories)} (affected: {versions_affected})"


def main() -> None:
    """Print each vulnerable package, and fail if there is one."""
    content = yaml.safe_load(ADVISORIES.read_text(encoding="utf-8"))
    versions, listed_on = installed(), content["listed"]
    found = list(findings(versions, content["packages"]))
    for line in found:
        print(line)
    age_days = (datetime.now(UTC).date() - listed_on).days
    print(f"{len(versions)} packages, {len(found)} known vulnerabilities (list of {listed_on}, {age_days} days old)")
    if found:
        sys.exit(1)


if __name__ == "__main__":
    main()
