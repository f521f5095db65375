"""Tests of the check of installed packages against known vulnerabilities."""

from datetime import date

import pytest
import yaml
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from cjo_assets.core.settings import PROJECT
from tools.check_advisories import ADVISORIES, findings, installed

LISTED = {"h11": {"<0.16.0": ["CVE-2025-43859"]}, "pyarrow": {">=15,<23.0.1": ["CVE-2026-25087"]}}


@pytest.mark.parametrize(
    ("versions", "number"),
    [
        ({"h11": "0.14.0"}, 1),
        ({"h11": "0.16.0"}, 0),
        ({"h11": "0.15.0rc1"}, 1),
        ({"pyarrow": "14.0.2"}, 0),
        ({"pyarrow": "23.0.0", "h11": "0.9"}, 2),
        ({"other": "0.1"}, 0),
    ],
)
def test_affected_versions_are_found(versions: dict[str, str], number: int) -> None:
    assert len(list(findings(versions, LISTED))) == number


def test_the_list_has_a_date_and_packages_that_the_project_installs() -> None:
    content = yaml.safe_load(ADVISORIES.read_text(encoding="utf-8"))
    assert isinstance(content["listed"], date)
    constraints = (PROJECT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {canonicalize_name(line.partition("==")[0]) for line in constraints if "==" in line}
    assert content["packages"].keys() - pinned == set()
    for affected in content["packages"].values():
        assert all(SpecifierSet(versions) and advisories for versions, advisories in affected.items())


def test_installed_packages_are_those_of_the_environment() -> None:
    assert {"dagster", "duckdb", "jinja2"} <= installed().keys()
