"""Every number of the marketing policy is read by a rule: turning it changes what is published.

Belongs here: each leaf turned alone, on the sample made a little richer, and the seed's configuration mapped to the
policy. Does not belong here: what a number means; that is tested with the table that uses it.
"""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cjo_assets.policy import Policy
from cjo_assets.reporting.document import Document
from cjo_assets.reporting.marketing_report import marketing_report
from cjo_assets.wiring.marketing_report import marketing_figures
from cjo_assets_tests.conftest import SAMPLE
from cjo_assets_tests.marketing.conftest import LAST_DAY
from cjo_assets_tests.marketing.probe_rows import add_rows
from cjo_assets_tests.probe import Probe, default_content, leaves, policy_with, value_at

DEFAULT = default_content()
WORDS = (
    "channel_types",
    "cost_models",
    "asset_variants",
    "experiment_types",
    "funnel_stages",
    "funnel_sources",
    "budget_reasons",
    "risk_types",
    "risk_actions",
)
LEAVES: dict[str, Any] = dict(leaves(DEFAULT["marketing"], "marketing")) | {
    path: value for name in WORDS for path, value in leaves(DEFAULT["vocabulary"][name], f"vocabulary.{name}")
}

M = "marketing"
PRIORITIES = DEFAULT["marketing"]["recommendations"]["priorities"]


def alone(path: str, value: Any) -> dict[str, dict[str, Any]]:
    """Return that a leaf is turned to a value, and nothing else."""
    return {path: {path: value}}


# The rule turns a leaf by itself: an integer doubles, another number halves, a switch flips, an entry of a list goes.
# These are words, or need another value to be a policy at all or to make a difference.
EXCEPTIONS: dict[str, dict[str, Any]] = {
    **{
        path: {path: value}
        for name, metric in DEFAULT["marketing"]["metric_definitions"].items()
        for path, value in (
            (
                f"marketing.metric_definitions.{name}.numerator",
                {"conversions": "clicks"}.get(metric["numerator"], "conversions"),
            ),
            (f"marketing.metric_definitions.{name}.denominator", "clicks"),
            (f"marketing.metric_definitions.{name}.direction", "down"),
            (f"marketing.metric_definitions.{name}.design_effect", 3.0),
        )
    },
    **{
        path: {path: value}
        for name in DEFAULT["marketing"]["experiments"]["guardrails"]
        for path, value in (
            (f"marketing.experiments.guardrails.{name}.counted", "clicks"),
            (f"marketing.experiments.guardrails.{name}.per", "clicks"),
            (f"marketing.experiments.guardrails.{name}.design_effect", 10.0),
        )
    },
    **{
        f"marketing.recommendations.priorities.{rule}": {
            f"marketing.recommendations.priorities.{rule}": "low" if level == "high" else "high"
        }
        for rule, level in PRIORITIES.items()
    },
    **{
        path: {path: value}
        for path, value in {
            "marketing.snapshots.snapshots_are": "totals",
            "marketing.campaigns.performance_thresholds.exceeding_expectations": 1.0,
            "marketing.campaigns.performance_thresholds.below_expectations": 0.5,
            "marketing.experiments.sample_ratio_threshold": 0.9,
            "marketing.kpis.operational_kpi_targets.policy_violation_count": 1,
            "marketing.kpis.operational_kpi_targets.experiment_setup_errors": 1,
            "marketing.kpis.business_kpi_targets.marketing_attributed_revenue": 100.0,
            "marketing.kpis.kpi_warning_threshold": 1.0,
            "marketing.kpis.minimum_measured_share": 0.9,
            "marketing.budgets.currency": "EUR",
            "marketing.segments.minimum_roi": 0.45,
            "marketing.funnel.leaks_from": "visit",
            "marketing.attribution.hints_are": "restatements",
            "marketing.reconciliation.impression_stage": "click",
            "marketing.reconciliation.click_stage": "visit",
            "marketing.reconciliation.conversion_stages.conversion_rate": "purchase",
            "marketing.reconciliation.conversion_stages.demo_request_rate": "purchase",
            "marketing.reporting.llm_model": "another",
            "vocabulary.experiment_types[A/B]": None,
        }.items()
    },
    "vocabulary.experiment_types[A/B]": {"vocabulary.experiment_types": ["A/B/n"]},
}


class MarketingProbe(Probe):
    """The sample month."""

    family, day = "marketing", LAST_DAY

    def written(self, folder: Path) -> Path:
        """Copy the files, and return their folder."""
        add_rows(Path(shutil.copytree(SAMPLE / "marketing", folder / "marketing")))
        return folder

    def prepare(self) -> None:
        """Add nothing."""

    def document(self, policy: Policy) -> Document:
        """Return the report that a policy would show of the sample's tables."""
        figures = marketing_figures(self.store, self.day, policy)
        return marketing_report(replace(figures, policy_hash="", policy_version=""))


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MarketingProbe]:
    """The probe under the packaged policy."""
    found = MarketingProbe(tmp_path_factory.mktemp("probe"))
    yield found
    found.store.connection.close()


def turned(path: str) -> dict[str, Any]:
    """Return what to change, by path, to turn one leaf of the default policy."""
    if path in EXCEPTIONS:
        return EXCEPTIONS[path]
    value = LEAVES[path]
    if path.endswith("]"):
        whole = path.partition("[")[0]
        return {whole: [entry for entry in value_at(DEFAULT, whole) if entry != value]}
    if isinstance(value, bool):
        return {path: not value}
    return {path: value * 2 if isinstance(value, int) else value / 2}


@pytest.mark.parametrize("path", LEAVES)
def test_every_leaf_changes_published_output(path: str, probe: MarketingProbe, tmp_path: Path) -> None:
    """Turn one leaf; what the family publishes is not what it was."""
    found = probe.difference(policy_with(tmp_path, turned(path)))
    assert found is not None, f"{path} = {LEAVES[path]!r} is read by no rule: {turned(path)} changes nothing"
