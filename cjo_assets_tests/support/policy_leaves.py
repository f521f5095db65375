"""Leaves of the policy of a family, and outputs besides tables, report and checks."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb

from cjo_assets.core.settings import Settings
from cjo_assets.language.answers import Reply
from cjo_assets.language.client import Endpoint
from cjo_assets.policy import Policy
from cjo_assets.warehouse.exchange import write_exchange
from cjo_assets.warehouse.run_log import forget_record, record_run
from cjo_assets_tests.support.probe import Probe, default_content, policy_with, value_at

DEFAULT = default_content()


def turned(path: str, value: Any) -> dict[str, Any]:
    """Return what to change, by path, to turn one leaf of the default policy.

    An integer doubles, another number halves, a switch flips, an entry of a list goes.
    """
    if path.endswith("]"):
        whole = path.partition("[")[0]
        return {whole: [entry for entry in value_at(DEFAULT, whole) if entry != value]}
    if isinstance(value, bool):
        return {path: not value}
    return {path: value * 2 if isinstance(value, int) else value / 2}


@dataclass(frozen=True)
class FamilyLeaves:
    """The leaves of a family's policy.

    Attributes:
        leaves: value of each leaf by its path.
        changes: what to change, by path, where the rule of `turned` makes no valid policy or no difference.
        starting_from: another policy to start from, where the packaged one hides the effect of a leaf.
        seen_in_a_check: leaves that change no table and no report, but the result of this check.
        shown_by_name: leaves with rows of their own: table, the column that names the leaf, the one that shows it.
        defined_in: leaves that a table repeats: the tables computed from it must differ.
        seed: the seed's configuration with its defaults.
        seed_settings: its paths of files, which are no policy.
        not_the_seeds: values of the issue that differ from the seed.
    """

    leaves: dict[str, Any]
    changes: dict[str, dict[str, Any]]
    starting_from: dict[str, dict[str, Any]]
    seed: dict[str, Any]
    seed_settings: tuple[str, ...]
    seen_in_a_check: dict[str, str] = field(default_factory=dict)
    shown_by_name: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    defined_in: dict[str, str] = field(default_factory=dict)
    not_the_seeds: dict[str, Any] = field(default_factory=dict)

    def changed(self, path: str) -> dict[str, Any]:
        """Return what to change, by path, to change one leaf of the packaged policy."""
        return self.changes.get(path) or turned(path, self.leaves[path])

    def policies(self, path: str, folder: Path) -> tuple[Policy | None, Policy]:
        """Return the policy to start from, None for the packaged one, and the same with one leaf changed."""
        before = self.starting_from.get(path, {})
        start = policy_with(folder, _with_lists_whole(before)) if before else None
        return start, policy_with(folder, _with_lists_whole(before | self.changed(path)))


def _with_lists_whole(changes: dict[str, Any]) -> dict[str, Any]:
    """Return changes to a mapping of lists as changes to the mapping: a file that names one names it whole."""
    whole: dict[str, Any] = {}
    for path, value in changes.items():
        parent, _, name = path.rpartition(".")
        if parent in ("journey.evaluation.transitions", "journey.evaluation.re_entries"):
            whole[parent] = value_at(DEFAULT, parent) | {name: value}
        else:
            whole[path] = value
    return whole


def other_output(probe: Probe, changed: Policy, start: Policy, folder: Path) -> str | None:
    """Return the output beyond tables, report text and checks that a policy changes, or None."""
    if _plan(probe, changed) != _plan(probe, start):
        return "plan of audit.runs"
    if _phrased(probe, changed) != _phrased(probe, start):
        return "texts of the day"
    if _report_is_written(probe, changed, folder) != _report_is_written(probe, start, folder):
        return "report file"
    if _exchange_is_written(probe, changed, folder) != _exchange_is_written(probe, start, folder):
        return "exchange file"
    return None


def _phrased(probe: Probe, policy: Policy) -> Any:
    """Return the requests to a language model under a policy, and the resulting texts."""
    asked: list[Any] = []

    def say(_: Endpoint, body: dict[str, Any], timeout_seconds: float) -> Reply:
        asked.append((body, timeout_seconds))
        return Reply("The tables have all the figures.")

    texts = probe.phrased(policy, say)
    probe.store.connection.execute("DELETE FROM audit.language_model_calls WHERE as_of = ?", [probe.day])
    return asked, texts


def _report_is_written(probe: Probe, policy: Policy, folder: Path) -> bool:
    settings = Settings(data=folder, policy=None, home=folder)
    path = probe.write(probe.store, settings, probe.day, policy)
    return path is not None and path.exists()


def _exchange_is_written(probe: Probe, policy: Policy, folder: Path) -> bool:
    """Return whether a publish of the probe's day leaves the exchange file of the family."""
    family = probe.store.families[probe.family]
    if family.exchange is None:
        return False
    settings = Settings(data=folder, policy=None, home=folder / "home")
    if not settings.published.exists():
        settings.home.mkdir()
        table = f"{family.name}.{family.exchange.table}"
        with duckdb.connect(str(settings.published)) as published:
            published.execute(f"CREATE SCHEMA audit; CREATE SCHEMA {family.name}")
            runs = "CREATE TABLE audit.runs AS SELECT ? AS family, ?::DATE AS as_of, true AS is_published"
            published.execute(runs, [family.name, probe.day])
            published.register("computed", probe.store.connection.execute(f"FROM {table}").to_arrow_table())
            published.execute(f"CREATE TABLE {table} AS FROM computed")
    write_exchange(settings, family, policy)
    return (settings.exchange / family.exchange.file).exists()


def _plan(probe: Probe, policy: Policy) -> Any:
    """Return the plan that a run under a policy leaves in audit.runs."""
    run: Any = SimpleNamespace(run_id="probe")
    started = datetime.combine(probe.day, time(), UTC).timestamp()
    instance: Any = SimpleNamespace(get_run_stats=lambda _: SimpleNamespace(start_time=started))
    record_run(probe.store, run, instance, probe.family, probe.day, policy, None)
    found = probe.store.connection.execute("SELECT plan FROM audit.runs WHERE run_id = 'probe'").fetchall()
    forget_record(probe.store, run, probe.day)
    return json.loads(found[0][0])
