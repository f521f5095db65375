"""Tests that every value of the policy has an effect on published output."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cjo_assets.catalog import data_families, families_about
from cjo_assets.core.settings import PROJECT
from cjo_assets.policy import load_policy
from cjo_assets.warehouse.run_log import rows_by_group
from cjo_assets_tests.support.journey.leaves import JOURNEY
from cjo_assets_tests.support.lifecycle.leaves import LIFECYCLE
from cjo_assets_tests.support.lifecycle.probe import LifecycleProbe
from cjo_assets_tests.support.marketing.leaves import MARKETING
from cjo_assets_tests.support.marketing.probe import MarketingProbe
from cjo_assets_tests.support.policy_leaves import DEFAULT, FamilyLeaves, other_output
from cjo_assets_tests.support.probe import PROBE_DAY, Probe, leaves, nested, policy_with, value_at

# A new family is added here, with a probe on which every leaf of its policy matters.
FAMILIES: dict[str, tuple[FamilyLeaves, type[Probe]]] = {
    "journey": (JOURNEY, Probe),
    "marketing": (MARKETING, MarketingProbe),
    "lifecycle": (LIFECYCLE, LifecycleProbe),
}
Probes = Callable[[str], Probe]
each_family = pytest.mark.parametrize("family", FAMILIES)


def _is_repeated(path: str, found: FamilyLeaves) -> bool:
    return path.startswith(tuple(found.defined_in))


def _is_shown_by_name(path: str, found: FamilyLeaves) -> bool:
    return re.split(r"\.\w+$|\[", path)[0] in found.shown_by_name


ALONE, REPEATED = [], []
for name, (family_leaves, _) in FAMILIES.items():
    for leaf in family_leaves.leaves:
        if _is_repeated(leaf, family_leaves):
            REPEATED.append((name, leaf))
        elif not _is_shown_by_name(leaf, family_leaves):
            ALONE.append((name, leaf))
GROUPS = [(name, group) for name, (family_leaves, _) in FAMILIES.items() for group in family_leaves.shown_by_name]


@pytest.fixture(scope="module")
def probes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Probes]:
    """Return a function that computes the probe of a family, once."""
    computed: dict[str, Probe] = {}

    def probe_of(family: str) -> Probe:
        if family not in computed:
            computed[family] = FAMILIES[family][1](tmp_path_factory.mktemp("probe"))
        return computed[family]

    yield probe_of
    for probe in computed.values():
        probe.store.connection.close()


def test_every_family_has_a_probe() -> None:
    assert FAMILIES.keys() == {family.name for family in data_families()}


@pytest.mark.parametrize(("family", "path"), ALONE)
def test_leaf_changes_published_output(family: str, path: str, probes: Probes, tmp_path: Path) -> None:
    """Change one leaf: the published output of the family differs."""
    ours, probe = FAMILIES[family][0], probes(family)
    start, changed = ours.policies(path, tmp_path)
    found = probe.difference(changed, start) or other_output(probe, changed, start or probe.policy, tmp_path)
    assert found is not None, f"{path} = {ours.leaves[path]!r} is read by no rule: {ours.changed(path)} has no effect"
    if found.startswith("check"):
        assert ours.seen_in_a_check.get(path) == found, f"{path} changes {found} alone"


@pytest.mark.parametrize(("family", "path"), REPEATED)
def test_leaf_changes_what_its_definition_is_read_for(family: str, path: str, probes: Probes, tmp_path: Path) -> None:
    """Change one leaf that a table of definitions repeats: tables computed from it differ too."""
    ours, probe = FAMILIES[family][0], probes(family)
    [table] = [table for prefix, table in ours.defined_in.items() if path.startswith(prefix)]
    start, changed = ours.policies(path, tmp_path)
    assert probe.changed_reader(table, changed, start) is not None


@pytest.mark.parametrize(("family", "group"), GROUPS)
def test_leaves_of_a_group_change_their_own_rows(family: str, group: str, probes: Probes, tmp_path: Path) -> None:
    """Change all leaves of a group at once: each changes the row that names it."""
    ours, probe = FAMILIES[family][0], probes(family)
    table, name, shown = ours.shown_by_name[group]
    content = value_at(DEFAULT, group)
    changes: dict[str, Any] = {group: []} if isinstance(content, list) else {}
    if isinstance(content, dict):
        for leaf in content:
            changes |= ours.changed(f"{group}.{leaf}")
    before, after = (
        {(row[name], row[shown]) for row in probe.rows_under(policy, table)}
        for policy in (probe.policy, policy_with(tmp_path, changes))
    )
    assert {leaf for leaf, _ in before - after} == set(content)


@each_family
def test_exceptions_are_about_leaves_of_the_policy(family: str) -> None:
    ours = FAMILIES[family][0]
    assert ours.changes.keys() | ours.starting_from.keys() | ours.seen_in_a_check.keys() <= ours.leaves.keys()
    by_name = [path for path in ours.leaves if _is_shown_by_name(path, ours)]
    assert len(by_name) == sum(len(value_at(DEFAULT, group)) for group in ours.shown_by_name)


def test_every_leaf_is_changed_by_some_test() -> None:
    """Only labels, settings of the warehouse and the policy's own description belong to no family."""
    found = [path for family_leaves, _ in FAMILIES.values() for path in family_leaves.leaves]
    assert len(found) == len(set(found))
    every = {path.partition("[")[0] for path, _ in leaves(DEFAULT)}
    assert every - {path.partition("[")[0] for path in found} == {
        *(path for path in every if path.startswith(("warehouse.", "labels."))),
        "version",
        "author",
        "approver",
        "reason",
        "segment_overrides",
    }


@each_family
def test_only_the_audit_of_policies_is_left_out_of_the_search(family: str, probes: Probes) -> None:
    every = {
        table.full_name for found in families_about(family) for table in found.tables if table.transform is not None
    }
    assert every - {table.full_name for table in probes(family).tables} == {"audit.policies"}


@each_family
def test_the_same_policy_changes_nothing(family: str, probes: Probes, tmp_path: Path) -> None:
    """A search that finds a difference anywhere would prove nothing."""
    probe = probes(family)
    same = policy_with(tmp_path, {"version": "2", "author": "somebody", "reason": "no reason"})
    assert probe.difference(same) is None
    assert other_output(probe, same, probe.policy, tmp_path) is None


def test_all_numbers_changed_at_once_keep_every_contract(tmp_path: Path) -> None:
    """A day under another policy can be computed to its end, as the search assumes."""
    # The least may rise to the most or the most fall to the least, not both.
    kept = ("enable_kpi_tracking", "enable_hitl", "enable_reporting", "learned_prior_most_runs")
    changes: dict[str, Any] = {}
    for path in JOURNEY.leaves:
        if path.startswith("journey.") and not path.endswith("]"):
            changes |= JOURNEY.changed(path)
    policy = policy_with(
        tmp_path, {path: value for path, value in changes.items() if path.rpartition(".")[2] not in kept}
    )
    other = Probe(tmp_path, policy)
    assert rows_by_group(other.store, "journey", PROBE_DAY)["decision"]["journey.recommended_interventions"] > 0
    assert other.report(policy)
    other.store.connection.close()


@each_family
def test_seed_configuration_has_its_place_in_the_policy(family: str) -> None:
    """Each field of the seed is in the policy once, under its own name, with its value unless the issue differs."""
    ours = FAMILIES[family][0]
    for field, seeds in ours.seed.items():
        [place] = [content for content in DEFAULT[family].values() if field in content]
        if isinstance(seeds, dict):
            assert {name: place[field].get(name) for name in seeds} == seeds, field
            assert family == "journey" or place[field].keys() == seeds.keys(), field
        else:
            assert place[field] == ours.not_the_seeds.get(field, seeds), field


@each_family
def test_paths_of_the_seed_are_no_policy(family: str) -> None:
    ours = FAMILIES[family][0]
    names = {part for path in ours.leaves for part in path.partition("[")[0].split(".")}
    assert not (names | ours.seed.keys()) & set(ours.seed_settings)
    assert load_policy().model_dump().keys() == {*DEFAULT}
    assert nested({"a.b": 1}) == {"a": {"b": 1}}


def test_fields_of_marketing_are_those_of_its_seed() -> None:
    text = (PROJECT / "cjo_assets_tests/support/seeds/marketing_configuration.txt").read_text(encoding="utf-8")
    fields = re.findall(r"^    (\w+): .* = ", text, flags=re.MULTILINE)
    assert sorted(fields) == sorted([*MARKETING.seed, *MARKETING.seed_settings])
