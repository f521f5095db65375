"""Rules by which a row loses against other rows of its file: repeated keys, older versions and preferences."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable

import ibis
import ibis.expr.types as ir

from cjo_assets.core.dataset import Preference

CONFLICTING_KEY = "key: stands again with different content"
REPEATED_ROW = "key: stands again with the same content, kept once"
SUPERSEDED = "key: superseded by a newer version"


def contest_of_key(rows: ir.Table, key: tuple[str, ...]) -> ir.StringValue:
    """Return why a row loses against others with its key and version; where no column orders versions, all have one."""
    group = [*(rows[column] for column in key), rows.version]
    same = ibis.window(group_by=group)
    in_file = ibis.window(group_by=group, order_by=[rows.source_file, rows.source_row])
    is_whole = [rows[column].notnull() for column in key]
    return functools.reduce(operator.and_, is_whole, rows.may_share_key).ifelse(
        (rows.meaning.min().over(same) != rows.meaning.max().over(same)).ifelse(
            CONFLICTING_KEY, (ibis.row_number().over(in_file) > 0).ifelse(REPEATED_ROW, ibis.null("string"))
        ),
        ibis.null("string"),
    )


def contest_of_versions(rows: ir.Table, key: tuple[str, ...]) -> ir.StringValue:
    """Return which valid rows have a newer valid version; a row that breaks its contract supersedes none."""
    is_valid = (rows.broken.length() == 0) & rows.contest.isnull() & rows.version.notnull()
    newest_first = ibis.window(group_by=[*(rows[column] for column in key), is_valid], order_by=[rows.version.desc()])
    is_older = rows.may_share_key & is_valid & (ibis.row_number().over(newest_first) > 0)
    return is_older.ifelse(SUPERSEDED, ibis.null("string"))


def contest_of_rivals(
    rows: ir.Table, preference: Preference, best_first: Callable[[ir.Table], list[ir.Value]]
) -> ir.StringValue:
    """Return which valid rows a preferred valid row about the same thing rules out."""
    is_valid = (rows.broken.length() == 0) & rows.contest.isnull()
    in_order = ibis.window(
        group_by=[*(rows[column] for column in preference.same), is_valid], order_by=best_first(rows)
    )
    return (is_valid & (ibis.row_number().over(in_order) > 0)).ifelse(preference.rule, ibis.null("string"))
