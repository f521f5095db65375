"""Turning a policy leaf by leaf: what a leaf is turned to, and what changes beside tables, report text and checks."""

import json
from datetime import UTC, datetime, time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cjo_assets.core.settings import Settings
from cjo_assets.language.answers import Reply
from cjo_assets.language.client import Endpoint
from cjo_assets.policy import Policy
from cjo_assets.warehouse.run_log import forget_record, record_run
from cjo_assets_tests.support.probe import Probe, default_content, value_at

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


def other_output(probe: Probe, changed: Policy, start: Policy, folder: Path) -> str | None:
    """Return the output beyond tables, report text and checks that a policy changes, or None."""
    if _plan(probe, changed) != _plan(probe, start):
        return "plan of audit.runs"
    if _phrased(probe, changed) != _phrased(probe, start):
        return "texts of the day"
    if _report_is_written(probe, changed, folder) != _report_is_written(probe, start, folder):
        return "report file"
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


def _plan(probe: Probe, policy: Policy) -> Any:
    """Return the plan that a run under a policy leaves in audit.runs."""
    run: Any = SimpleNamespace(run_id="probe")
    started = datetime.combine(probe.day, time(), UTC).timestamp()
    instance: Any = SimpleNamespace(get_run_stats=lambda _: SimpleNamespace(start_time=started))
    record_run(probe.store, run, instance, probe.family, probe.day, policy, None)
    found = probe.store.connection.execute("SELECT plan FROM audit.runs WHERE run_id = 'probe'").fetchall()
    forget_record(probe.store, run, probe.day)
    return json.loads(found[0][0])
