"""Asset checks of a table: their specifications, and their results."""

from typing import Any

import dagster as dg

from cjo_assets.core.check_result import CheckResult
from cjo_assets.core.checks import CONTRACT_CHECK
from cjo_assets.core.errors import ContractBreachError
from cjo_assets.core.table import Table
from cjo_assets.orchestration.keys import key_of_table


def check_specs(table: Table) -> list[dg.AssetCheckSpec]:
    """Return the specifications of the contract and of the checks of a table."""
    key = key_of_table(table.schema, table.name)
    contract = dg.AssetCheckSpec(
        CONTRACT_CHECK, asset=key, blocking=True, description="Names, types, ranges, vocabulary, nulls and key."
    )
    audits = [
        dg.AssetCheckSpec(audit.name, asset=key, blocking=audit.is_blocking, description=audit.description)
        for audit in table.checks
    ]
    return [contract, *audits]


def results_of(table: Table, days: list[dict[str, CheckResult]]) -> list[dg.AssetCheckResult]:
    """Return the results of the checks of a stored table.

    Args:
        table: the table.
        days: the result of each check by name, for every computed day.
    """
    return [_result(name, table, [verdicts[name] for verdicts in days]) for name in days[-1]]


def results_of_breach(table: Table, breach: ContractBreachError) -> list[dg.AssetCheckResult]:
    """Return the results of the failed blocking checks of a table that was not stored."""
    return [
        dg.AssetCheckResult(
            passed=False,
            check_name=name,
            asset_key=key_of_table(table.schema, table.name),
            description=_in_words(verdict),
            metadata=_shown(verdict),
        )
        for name, verdict in breach.verdicts.items()
    ]


def _result(name: str, table: Table, verdicts: list[CheckResult]) -> dg.AssetCheckResult:
    worst = max(verdicts, key=lambda verdict: sum(verdict.broken.values()))
    return dg.AssetCheckResult(
        passed=all(verdict.passed for verdict in verdicts),
        check_name=name,
        asset_key=key_of_table(table.schema, table.name),
        severity=dg.AssetCheckSeverity.ERROR if name == CONTRACT_CHECK else dg.AssetCheckSeverity.WARN,
        description=_in_words(worst),
        metadata=_shown(worst),
    )


def _shown(verdict: CheckResult) -> dict[str, Any]:
    return {
        "found": sum(verdict.broken.values()),
        "broken": dg.MetadataValue.json(verdict.broken),
        "examples": dg.MetadataValue.json(verdict.examples),
        "pandera": dg.MetadataValue.json(list(verdict.wording)),
    }


def _in_words(verdict: CheckResult) -> str | None:
    """Describe the failing rows of a check for the UI."""
    if verdict.passed:
        return None
    rules = "; ".join(f"{rule}: {count:,}" for rule, count in verdict.broken.items())
    rows = "; ".join(" ".join(example.values()) for example in verdict.examples)
    return (
        f"{rules}. {'The first of them' if sum(verdict.broken.values()) > len(verdict.examples) else 'Found'}: {rows}"
    )
