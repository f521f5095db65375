"""Differences between the settings of versions, and settings that are not valid."""

from __future__ import annotations

from typing import Final

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.rows import literal_rows
from cjo_assets.core.expressions.sentences import sentence
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.lifecycle.inputs.conversations import VOICEBOT
from cjo_assets.policy.lifecycle import LifecyclePolicy

VERSION = ["customer_id", "config_id", "config_version"]
CONFIGURATION = ["customer_id", "config_id"]
NONE: Final = "none"
LOW: Final = "low"
MEDIUM: Final = "medium"
HIGH: Final = "high"
RISKS = [NONE, LOW, MEDIUM, HIGH]
INTEGRATIONS, TOOLS, MISSING = "integrations", "tools", "missing"


def with_changes(versions: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    """Add what changed against the version before.

    Returns:
        The versions with `has_gap` (the version before is not in the file), `changed_paths` and `kinds` (both null for
        the first version and after a gap), and `risk`.
    """
    before = versions.select(*CONFIGURATION, config_version=versions.config_version + 1, before=versions.settings)
    rows = lookup(versions, before, VERSION)
    rows = rows.mutate(has_gap=(rows.config_version > 1) & rows.before.isnull())
    entries = rows.settings.filter(lambda entry: ~rows.before.contains(entry)).concat(
        rows.before.filter(lambda entry: ~rows.settings.contains(entry))
    )
    rows = rows.mutate(entries=entries)
    rows = rows.mutate(changed_paths=rows.entries.map(lambda entry: entry.split("=")[0]).unique().sort())
    rows = rows.mutate(kinds=rows.changed_paths.map(lambda path: path.split(".")[0]).unique().sort())
    return rows.mutate(risk=_risk(rows, policy)).drop("entries", "before")


def risk_of(kind: ir.StringValue, policy: LifecyclePolicy) -> ir.StringValue:
    """Return the risk of a kind of change; a kind that the policy does not name is high."""
    return kind.cases(*policy.config.risks.items(), else_=HIGH)


def _risk(rows: ir.Table, policy: LifecyclePolicy) -> ir.StringValue:
    harmless = [*policy.config.kinds_of(LOW), *policy.config.kinds_of(MEDIUM)]
    is_high = rows.kinds.filter(lambda kind: kind.notin(harmless)).length() > 0
    is_medium = rows.kinds.filter(lambda kind: kind.isin(policy.config.kinds_of(MEDIUM))).length() > 0
    return ibis.cases(
        (rows.has_gap, HIGH),
        (rows.kinds.isnull() | (rows.kinds.length() == 0), NONE),
        (is_high, HIGH),
        (is_medium, MEDIUM),
        else_=LOW,
    )


def problems_of(versions: ir.Table, live: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    """Return the sorted problems of versions that are not valid.

    Args:
        versions: the versions.
        live: those that were ever live.
        policy: the ranges of settings.

    Returns:
        One row per version with problems: `problems`.
    """
    before = versions.select(*CONFIGURATION, config_version=versions.config_version + 1)
    gaps = versions.filter(versions.config_version > 1).select(*VERSION).anti_join(before, VERSION)
    gaps = gaps.select(*VERSION, problem=sentence("version {}: not in the file", gaps.config_version - 1))
    found = ibis.union(_of_settings(versions, live, policy), gaps)
    return found.group_by(VERSION).agg(problems=found.problem.collect(distinct=True).sort())


def _of_settings(versions: ir.Table, live: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    entries = lookup(versions.select(*VERSION, "product", "settings"), live, VERSION, "deployed_at")
    entries = entries.select(
        *VERSION, "product", is_deployed=entries.deployed_at.notnull(), entry=entries.settings.unnest()
    )
    entries = entries.mutate(path=entries.entry.split("=")[0])
    entries = entries.mutate(
        kind=entries.path.split(".")[0], value=entries.entry.substr(entries.path.length() + 1, entries.entry.length())
    )
    ranges = literal_rows(
        [
            {"path": path, "least": found.least, "most": found.most}
            for path, found in sorted(policy.config.range_of_paths().items())
        ],
        {"path": "string", "least": "float64", "most": "float64"},
    )
    rows = lookup(entries, ranges, "path")
    is_within = rows.value.try_cast("float64").between(rows.least, rows.most).fill_null(False)
    problem = ibis.cases(
        (rows.least.notnull() & ~is_within, sentence("{}: out of range", rows.path)),
        ((rows.product == VOICEBOT) & (rows.kind == INTEGRATIONS), sentence("{}: not for a voicebot", rows.path)),
        (
            (rows.kind == TOOLS) & (rows.value == MISSING) & rows.is_deployed,
            sentence("{}: missing in production", rows.path),
        ),
        else_=ibis.null("string"),
    )
    rows = rows.select(*VERSION, problem=problem)
    return rows.filter(rows.problem.notnull())
