"""Commands that recompute published days: `cjo replay`, `cjo explain-change` and `cjo diff-policy`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cjo_assets.cli.family_options import FIRST_FAMILY, FamilyCommand
from cjo_assets.cli.terminal import (
    REFUSED,
    HomeOption,
    JsonOption,
    console,
    day_of,
    errors,
    fail,
    harmless,
    say,
    say_json,
)

if TYPE_CHECKING:
    from cjo_assets.audit.policy_diff.compare import Comparison
    from cjo_assets.audit.policy_diff.page import FamilyDifference
    from cjo_assets.audit.policy_diff.preview import Preview

TABLES = "tables"
# What a pull request can be stopped for.
KINDS = ("decisions", "tiers", "routes", TABLES)
# Columns of numbers that are already formatted as text.
NUMBERS = ("before", "after", "change")
# Columns of records that a person needs to find them.
RECORD_SHOWN = ("dataset", "record_key", "record_date", "source_file", "source_row")


def register(app: typer.Typer) -> None:
    """Add the commands to `cjo`."""
    app.command(cls=FamilyCommand)(replay)
    app.command("explain-change")(explain_change)
    app.command("diff-policy")(diff_policy)


def replay(
    as_of: Annotated[str, typer.Option("--as-of", help="Day to recompute, YYYY-MM-DD.")],
    last: Annotated[str | None, typer.Option("--to", help="Last day of a range.")] = None,
    family: Annotated[str, typer.Option("--family", help="Family: {families}.")] = FIRST_FAMILY,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Recompute published days from their archived files and policy; exit 0 identical, 1 different, 2 failed."""
    from cjo_assets.audit.replay.differences import EXIT_CODES, IDENTICAL, as_rows, worst
    from cjo_assets.audit.replay.replay import replayed
    from cjo_assets.audit.replay.scratch import scratch
    from cjo_assets.core.errors import PastError
    from cjo_assets.core.settings import places_of
    from cjo_assets.policy import PolicyError, load_policy

    first_day = day_of("--as-of", as_of, REFUSED)
    last_day = day_of("--to", last, REFUSED) if last else first_day
    if last_day < first_day:
        fail(f"Option --to {last_day} is before --as-of {first_day}.", REFUSED)
    settings = places_of(home)
    verdicts = []
    try:
        with scratch(settings, load_policy(settings.policy).warehouse.memory_limit, family=family) as past:
            days = [day for day in past.records.days() if first_day <= day <= last_day]
            for verdict in replayed(past, days or [first_day]):
                verdicts.append(verdict)
                if not as_json:
                    _print_verdict(verdict)
    except (PastError, PolicyError) as error:
        fail(str(error), REFUSED)
    erasures = sorted({name for verdict in verdicts if verdict.state == IDENTICAL for name in verdict.erasures})
    if as_json:
        say_json([as_rows(verdict) for verdict in verdicts], indent=1)
    elif erasures:
        say(f"Customer erased ({', '.join(erasures)}): the archived files are read without the erased rows.")
    raise typer.Exit(EXIT_CODES[worst([verdict.state for verdict in verdicts])])


def explain_change(
    first: Annotated[str, typer.Option("--from", help="First published day, YYYY-MM-DD.")],
    last: Annotated[str, typer.Option("--to", help="Last published day.")],
    customer: Annotated[
        str | None, typer.Option("--customer", help="Id of one customer; default: the whole portfolio.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="File for the changes of all customers: .parquet or .csv.")
    ] = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Decompose the change of overall and decision risk into time, data, policy and missing data."""
    from cjo_assets.audit.replay.scratch import scratch
    from cjo_assets.audit.score_changes.answer import of_all, of_customer, paragraph
    from cjo_assets.audit.score_changes.compute import explain, score_changes, write_changes
    from cjo_assets.core.errors import ContractBreachError, InputError, PastError, TamperedError
    from cjo_assets.core.progress import listen
    from cjo_assets.core.settings import places_of
    from cjo_assets.policy import PolicyError, load_policy

    first_day, last_day = day_of("--from", first, REFUSED), day_of("--to", last, REFUSED)
    settings = places_of(home)
    listen(None, lambda text: say(text, errors))
    try:
        policy = load_policy(settings.policy)
        with scratch(settings, policy.warehouse.memory_limit) as past:
            explain(past, first_day, last_day)
            if customer is not None:
                found = of_customer(past, settings, customer, first_day, last_day)
            else:
                found = of_all(past, score_changes().rows_shown(policy), first_day, last_day)
            written = write_changes(past, out) if out is not None else 0
    except (ContractBreachError, InputError, PolicyError, PastError, TamperedError) as error:
        fail(str(error), REFUSED)
    finally:
        listen(None)
    if as_json:
        say_json({"paragraph": paragraph(found, customer)} | found, indent=1)
        return
    say(paragraph(found, customer))
    for name, rows in found.items():
        _print_rows(name, [{key: row[key] for key in RECORD_SHOWN} for row in rows] if name == "records" else rows)
    if out is not None:
        say(f"{written:,} rows: {out}")


def diff_policy(
    new: Annotated[Path, typer.Argument(help="Candidate policy, a file as for `cjo run --policy`.")],
    as_of: Annotated[str | None, typer.Option("--as-of", help="Published day; default: the latest.")] = None,
    first: Annotated[str | None, typer.Option("--from", help="First published day of a range.")] = None,
    last: Annotated[
        str | None, typer.Option("--to", help="Last published day of the range; default: the latest.")
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option("--against", help="Policy to compare with; default: the policy of the run of each day."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder for the page and the tables; default: policy_diffs/ in the home."),
    ] = None,
    file_format: Annotated[str, typer.Option("--format", help="Format of the tables: parquet or csv.")] = "parquet",
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-on",
            help="Exit 1 if these change: decisions, tiers, routes, or tables of another family; repeatable.",
        ),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Compare a candidate policy with the one in force on published days; publish nothing."""
    from cjo_assets.audit.policy_diff.compare import Request, compared
    from cjo_assets.audit.policy_diff.preview import FORMATS
    from cjo_assets.core.errors import ContractBreachError, PastError, TamperedError
    from cjo_assets.core.progress import listen
    from cjo_assets.core.settings import places_of
    from cjo_assets.policy import PolicyError, load_policy
    from cjo_assets.warehouse.retention import POLICY_DIFFS

    if file_format not in FORMATS:
        fail(f"Unknown --format {file_format}. Choose one of: {', '.join(FORMATS)}.", REFUSED)
    _require_kinds(fail_on or [])
    if as_of and (first or last):
        fail("Options --as-of and --from exclude each other: use --as-of for one day, --from for a range.", REFUSED)
    begin, end = (_day_or_none(option, text) for option, text in (("--from", first), ("--to", last)))
    if as_of:
        begin = end = day_of("--as-of", as_of, REFUSED)
    settings = places_of(home)
    listen(None, lambda text: say(text, errors))
    try:
        candidate = load_policy(new)
        folder = out or settings.home / POLICY_DIFFS / candidate.policy_hash[:12]
        before = load_policy(against) if against else None
        found = compared(settings, Request(candidate, before, begin, end, folder, file_format))
    except (PolicyError, PastError, TamperedError) as error:
        fail(str(error), REFUSED)
    except ContractBreachError as breach:
        fail(f"A run with this policy would fail and publish nothing. {breach}", REFUSED)
    finally:
        listen(None)
    _print_comparison(found)
    counts = {TABLES: sum(len(family.tables) for family in found.page.families)}
    counts |= dict.fromkeys(KINDS[:-1], 0) if found.preview is None else found.preview.counts
    raise typer.Exit(1 if any(counts[kind] for kind in fail_on or []) else 0)


def _day_or_none(option: str, text: str | None) -> date | None:
    return day_of(option, text, REFUSED) if text else None


def _require_kinds(kinds: list[str]) -> None:
    strangers = set(kinds) - set(KINDS)
    if strangers:
        fail(f"Unknown --fail-on {', '.join(sorted(strangers))}. Choose one of: {', '.join(KINDS)}.", REFUSED)


def _print_comparison(found: Comparison) -> None:
    from cjo_assets.audit.policy_diff.page import said

    for path, before, after in found.page.values:
        say(f"{path}: {said(before)} -> {said(after)}")
    if found.preview is None:
        say("No day with decisions about customers was compared.")
    else:
        _print_preview(found.preview)
    _print_families(found.page.families)
    for file in found.files:
        say(f"  {file}")


def _print_families(differences: Sequence[FamilyDifference]) -> None:
    for found in differences:
        days = str(found.days[0]) if len(found.days) == 1 else f"{found.days[0]} to {found.days[-1]}"
        say(f"Family {found.family}, {days}: {len(found.tables)} of {found.compared} tables differ.")
        for table in found.tables:
            say(f"  {table.words}")


def _print_preview(preview: Preview) -> None:
    from cjo_assets.audit.policy_diff.page import WORDS, decision, said
    from cjo_assets.audit.policy_diff.preview import policy_comparison

    figures = preview.figures
    affected = figures.affected
    counts, at_risk = preview.counts, [said(affected[f"revenue_at_risk_{side}"]) for side in ("before", "after")]
    say(
        f"{figures.all_changes:,} changes: {counts['decisions']:,} decisions, {counts['tiers']:,} tiers, "
        f"{counts['routes']:,} approval routes; {affected['customers']:,} customers, account value "
        f"{said(affected['account_value'])}, revenue at risk {' -> '.join(at_risk)}. "
        f"{figures.moved_scores:,} scores change."
    )
    limit = policy_comparison().rows_shown(figures.candidate)
    for row in figures.changes[:limit]:
        say(
            f"  {row['as_of']} {row['customer_id']} {row['segment']} {said(row['account_value'])}: "
            f"{WORDS.get(row['decision_change'], 'stays')}: {decision(row, 'before')} -> {decision(row, 'after')}; "
            f"tier {said(row['risk_tier_before'])} -> {said(row['risk_tier_after'])}"
        )
    if figures.all_changes > limit:
        say(f"  and {figures.all_changes - limit:,} more")
    effects = [row for row in figures.effects if row["change"]]
    if effects:
        _print_rows("effects", [{name: _effect(value) for name, value in row.items()} for row in effects])
    say(f"{preview.shared} of {preview.computed} tables are identical under both policies.")


def _print_rows(title: str, rows: list[dict[str, Any]]) -> None:
    """Print rows as aligned columns of full width, the same in a terminal and in a file."""
    from cjo_assets.reporting.text import NOTHING

    console.print(title, style="bold", highlight=False, markup=False)
    if not rows:
        say("  none")
        return
    names = list(rows[0])
    cells = [names] + [[_cell(row[name], NOTHING) for name in names] for row in rows]
    widths = [max(len(line[place]) for line in cells) for place in range(len(names))]
    is_text = [isinstance(rows[0][name], str) and name not in NUMBERS for name in names]
    for line in cells:
        padded = [
            text.ljust(width) if left else text.rjust(width)
            for text, width, left in zip(line, widths, is_text, strict=True)
        ]
        say(f"  {'  '.join(padded)}".rstrip())


def _effect(value: Any) -> Any:
    """Return a number with thousands separators, and any other value unchanged."""
    from cjo_assets.audit.policy_diff.page import said

    return said(value) if isinstance(value, float) else value


def _cell(value: Any, nothing: str) -> str:
    if value is None:
        return nothing
    # Distinguish an exact 0 from a value that rounds to 0.
    if isinstance(value, float):
        return "0" if value == 0 else f"{value:,.6f}"
    return harmless(str(value))


def _print_verdict(verdict: Any) -> None:
    from cjo_assets.audit.replay.differences import IDENTICAL

    rows = sum(table.rows for table in verdict.tables)
    counted = f", {len(verdict.tables)} tables, {rows:,} rows, hash {verdict.content}" if verdict.tables else ""
    console.print(f"{verdict.as_of} {verdict.state}{counted}", highlight=False)
    if verdict.state == IDENTICAL:
        if verdict.filled_fields:
            say(f"  {len(verdict.filled_fields)} policy fields that were added since have their packaged values")
        return
    for table in () if verdict.is_explained_by_erasure else verdict.tables:
        if table.is_identical:
            continue
        say(f"  {table.table}: {table.differing:,} of {table.published_rows:,} rows")
        for row in table.examples:
            key = " ".join(str(value) for value in row.key.values())
            changes = "; ".join(f"{name} {then} -> {now}" for name, (then, now) in row.columns.items())
            say(f"    {key}: {row.kind}" + (f": {changes} (published -> replayed)" if changes else ""))
    for reason in verdict.reasons:
        say(f"  because {reason}")
