"""Every number of the marketing policy is read by a rule: turning it changes what is published."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cjo_assets.core.settings import PROJECT
from cjo_assets.families.marketing.recommendations.budget_proposals import BUDGET_CUT, BUDGET_RISE
from cjo_assets.families.marketing.report.reading import marketing_figures, write_marketing_report
from cjo_assets.families.marketing.report.report import marketing_report
from cjo_assets.families.marketing.report.texts import MarketingWords
from cjo_assets.language.memory import Ask
from cjo_assets.policy import Policy
from cjo_assets.reporting.document import Document
from cjo_assets_tests.support.chain import LAST_DAY, SAMPLE
from cjo_assets_tests.support.marketing.leaves import (
    LEAVES,
    METRICS,
    OTHER_VALUES,
    RULES,
    SEED_CONFIGURATION,
    SEED_SETTINGS,
    SHOWN_BY_NAME,
    STARTING_FROM,
    turned_leaf,
)
from cjo_assets_tests.support.marketing.probe_rows import add_rows
from cjo_assets_tests.support.probe import LOOPBACK, Probe, policy_with, value_at
from cjo_assets_tests.support.turning import DEFAULT, other_output

SEED = PROJECT / "cjo_assets_tests" / "support" / "seeds" / "marketing_configuration.txt"
TURNED_TOGETHER = [path for path in LEAVES if re.split(r"\.\w+$|\[", path)[0] in SHOWN_BY_NAME]


class MarketingProbe(Probe):
    """The sample month, and rows for what does not happen in it."""

    family, day = "marketing", LAST_DAY
    write = staticmethod(write_marketing_report)

    def __init__(self, folder: Path, policy: Policy | None = None) -> None:
        """Write, load and compute the probe."""
        super().__init__(folder, policy)
        # Budgets are short or in excess, never both on one day: a short one is reported with it.
        self.store.connection.execute(
            f"""INSERT INTO marketing.budget_proposals SELECT * REPLACE (
                '{BUDGET_RISE}' AS kind, to_campaign_id AS from_campaign_id, from_campaign_id AS to_campaign_id,
                NULL AS is_spent_anyway, from_roas AS to_roas, NULL AS from_roas
            ) FROM marketing.budget_proposals WHERE kind = '{BUDGET_CUT}'"""
        )

    def written(self, folder: Path) -> Path:
        """Copy the files, add the rows, and return their folder."""
        add_rows(Path(shutil.copytree(SAMPLE / "marketing", folder / "marketing")))
        return folder

    def prepare(self) -> None:
        """Add nothing."""

    def phrased(self, policy: Policy, say: Ask) -> Any:
        """Return the texts of the day under a policy, as a language model would write them."""
        words = MarketingWords(self.store, self.day, policy, LOOPBACK, say)
        figures = marketing_figures(self.store, self.day, policy, words)
        return figures.paragraph, figures.insights

    def read_under(self, policy: Policy, name: str) -> list[Any]:
        """Return what the readers of a table make of it as a policy has it; their own rules stay."""
        [table] = [table for table in self.tables if table.full_name == f"marketing.{name}"]
        readers = [table for table in self.tables if table.is_dated and ("marketing", name) in table.upstream()]
        rows = []
        self.store.connection.begin()
        try:
            self.store.fill(table, self.day, self.store.statement(table, self.day, policy).sql)
            # In their order, so that those of them that read others read what goes with it.
            for reader in readers:
                self.store.fill(reader, self.day, self.store.statement(reader, self.day, self.policy).sql)
                sql = f"FROM {reader.full_name} WHERE as_of = ? ORDER BY ALL"
                rows.append(self.store.connection.execute(sql, [self.day]).fetchall())
            return rows
        finally:
            self.store.connection.rollback()

    def document(self, policy: Policy) -> Document:
        """Return the report that a policy would show of the probe's tables."""
        figures = marketing_figures(self.store, self.day, policy)
        return marketing_report(replace(figures, policy_hash="", policy_version=""))


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MarketingProbe]:
    """Return the probe under the packaged policy."""
    found = MarketingProbe(tmp_path_factory.mktemp("probe"))
    yield found
    found.store.connection.close()


def found_for(probe: Probe, path: str, folder: Path) -> str | None:
    """Return the output that a leaf changes, or None."""
    before = STARTING_FROM.get(path, {})
    start = policy_with(folder, before) if before else None
    changed = policy_with(folder, before | turned_leaf(path))
    return probe.difference(changed, start) or other_output(probe, changed, start or probe.policy, folder)


@pytest.mark.parametrize(
    "path", [path for path in LEAVES if path not in TURNED_TOGETHER and not path.startswith(METRICS)]
)
def test_every_leaf_changes_published_output(path: str, probe: MarketingProbe, tmp_path: Path) -> None:
    """Turn one leaf; what the family publishes is not what it was."""
    found = found_for(probe, path, tmp_path)
    assert found is not None, f"{path} = {LEAVES[path]!r} is read by no rule: {turned_leaf(path)} changes nothing"
    assert not found.startswith("check"), f"{path} changes {found} alone"


@pytest.mark.parametrize("path", [path for path in LEAVES if path.startswith(METRICS)])
def test_every_definition_of_a_metric_decides(path: str, probe: MarketingProbe, tmp_path: Path) -> None:
    """Change one leaf of the definitions: their table differs, and so must a computed one."""
    before = STARTING_FROM.get(path, {})
    start, changed = (policy_with(tmp_path, changes) for changes in (before, before | turned_leaf(path)))
    assert probe.read_under(start, "metric_definitions") != probe.read_under(changed, "metric_definitions")


@pytest.mark.parametrize("group", SHOWN_BY_NAME)
def test_every_leaf_changes_the_rows_that_it_is_about(group: str, probe: MarketingProbe, tmp_path: Path) -> None:
    """Change all leaves of a kind at once: each change names its leaf, and other rows are the same."""
    table, name, shown = SHOWN_BY_NAME[group]
    ours = value_at(DEFAULT, group)
    changes = (
        {group: []} if isinstance(ours, list) else {f"{group}.{leaf}": turned_leaf(f"{group}.{leaf}") for leaf in ours}
    )
    changes = {
        path: next(iter(value.values())) if isinstance(value, dict) else value for path, value in changes.items()
    }
    before, after = (
        {(row[name], row[shown]) for row in probe.rows_under(policy, table)}
        for policy in (probe.policy, policy_with(tmp_path, changes))
    )
    assert {leaf for leaf, _ in before - after} == set(ours)


def test_the_leaves_that_need_a_value_are_still_there() -> None:
    """Every exception is about a leaf that is still there, and every leaf is turned by one test."""
    assert OTHER_VALUES.keys() | STARTING_FROM.keys() <= LEAVES.keys()
    groups = [value_at(DEFAULT, group) for group in SHOWN_BY_NAME]
    assert len(TURNED_TOGETHER) == sum(len(group) for group in groups)


def test_the_same_policy_changes_nothing(probe: MarketingProbe, tmp_path: Path) -> None:
    """A search that finds a difference anywhere would prove nothing."""
    same = policy_with(tmp_path, {"version": "2", "author": "somebody", "reason": "no reason"})
    assert probe.difference(same) is None
    assert other_output(probe, same, probe.policy, tmp_path) is None


@pytest.mark.parametrize("field", SEED_CONFIGURATION)
def test_every_field_of_the_seeds_configuration_has_its_place(field: str) -> None:
    """The field of the seed is in the policy once, under its own name, with its own value."""
    places = [section for section, content in RULES.items() if field in content]
    assert len(places) == 1
    assert RULES[places[0]][field] == SEED_CONFIGURATION[field]


def test_settings_of_the_seed_are_no_policy() -> None:
    """Places of files are configuration: the policy does not know them."""
    names = {part for path in LEAVES for part in path.partition("[")[0].split(".")}
    assert not names & set(SEED_SETTINGS)


def test_the_list_of_fields_is_the_seeds() -> None:
    fields = re.findall(r"^    (\w+): .* = ", SEED.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert sorted(fields) == sorted([*SEED_CONFIGURATION, *SEED_SETTINGS])
