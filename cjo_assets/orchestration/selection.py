"""The assets and checks of a step that a run selects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg


@dataclass(frozen=True)
class Selection:
    """The selected assets and checks of a step.

    A run may select some tables of a step, a table without its checks, or checks of a table that is stored.
    """

    assets: frozenset[dg.AssetKey]
    checks: frozenset[dg.AssetCheckKey]

    @classmethod
    def of(cls, context: dg.AssetExecutionContext) -> Selection:
        """Return the selection of a step."""
        return cls(frozenset(context.selected_asset_keys), frozenset(context.selected_asset_check_keys))

    def includes(self, key: dg.AssetKey) -> bool:
        """Return whether an asset or a check of it is selected."""
        return key in self.assets or any(check.asset_key == key for check in self.checks)

    def checks_of(self, key: dg.AssetKey, results: Sequence[dg.AssetCheckResult]) -> list[dg.AssetCheckResult]:
        """Return the results of the selected checks of an asset."""
        selected = {check.name for check in self.checks if check.asset_key == key}
        return [result for result in results if result.check_name in selected]

    def results(
        self, key: dg.AssetKey, metadata: Mapping[str, Any], checks: Sequence[dg.AssetCheckResult]
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        """Return the results to report: the materialization if the asset is selected, and the selected checks."""
        selected = self.checks_of(key, checks)
        if key in self.assets:
            yield dg.MaterializeResult(asset_key=key, metadata=metadata, check_results=selected)
        else:
            yield from selected
