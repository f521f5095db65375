"""Answer of `cjo explain-change`: the change in a sentence, and the rows behind each part of it."""

from __future__ import annotations

from datetime import date

from cjo_assets.audit.policy_diff.values import differing_values
from cjo_assets.audit.replay.scratch import Rows, Scratch
from cjo_assets.audit.score_changes.compute import by_segment, changes_of, factors_of, movers, score_changes
from cjo_assets.core.contract import ANY_SEGMENT
from cjo_assets.core.errors import InputError
from cjo_assets.core.questions import Row
from cjo_assets.core.settings import Settings
from cjo_assets.reporting.text import words
from cjo_assets.warehouse.published import read_only, rows_of

DECIMALS = 3
# What identifies a version of a record.
RECORD = ("dataset", "record_key", "content_hash")


def of_customer(past: Scratch, settings: Settings, customer: str, first: date, last: date) -> dict[str, Rows]:
    """Return the changes of a customer, its factors, the records between the days, and policy values that differ.

    Raises:
        InputError: the customer has no score on either day.
    """
    changes = changes_of(past, customer)
    if not changes:
        raise InputError(f"Customer {customer} has no risk score on {first} or {last}.")
    return {
        "changes": changes,
        "factors": factors_of(past, customer),
        "records": _records_between(settings, customer, first, last),
        "policy_values": _policy_values(past, first, last),
    }


def of_all(past: Scratch, limit: int, first: date, last: date) -> dict[str, Rows]:
    """Return the mean changes by segment, the largest changes up to a limit, and policy values that differ."""
    found = {"segments": by_segment(past), "movers": movers(past, limit)}
    return found | {"policy_values": _policy_values(past, first, last)}


def paragraph(found: dict[str, Rows], customer: str | None) -> str:
    """Return the change of the main score in a sentence: of the customer, or the mean of all."""
    rows = found["changes"] if customer else [row for row in found["segments"] if row["segment"] == ANY_SEGMENT]
    [row] = [row for row in rows if row["score"] == score_changes().main_score]
    return sentence(customer or f"{row['customers']:,} customers on average", row)


def sentence(subject: str, change: Row) -> str:
    """Return by how much a score changed, and by how much each cause changed it, the largest first.

    The shown parts add up to the shown change: the largest takes the difference of rounding.

    Args:
        subject: whose score it is.
        change: row with the score, the change and a part for each cause.
    """
    score = words(change["score"])
    if change["change"] is None:
        return f"{subject} has a {score} on one of the days only, so there is no change."
    total, places = round(change["change"], DECIMALS), ""
    if change.get("before") is not None:
        before, after = (round(change[name], DECIMALS) for name in ("before", "after"))
        total, places = round(after - before, DECIMALS), f", from {before:.{DECIMALS}f} to {after:.{DECIMALS}f}"
    moved = "did not change" if not total else f"{'rose' if total > 0 else 'fell'} by {abs(total):.{DECIMALS}f}"
    causes = score_changes().causes
    parts = {cause: round(change[cause] or 0.0, DECIMALS) for cause in causes}
    largest = sorted(parts, key=lambda cause: -abs(parts[cause]))
    parts[largest[0]] += total - sum(parts.values())
    because = ", ".join(
        f"{causes[cause]} {parts[cause]:+.{DECIMALS}f}" for cause in largest if round(parts[cause], DECIMALS)
    )
    return f"The {score} of {subject} {moved}{places}{f': {because}' if because else ''}."


def _records_between(settings: Settings, customer: str, first: date, last: date) -> Rows:
    """Return the records about a customer that the last day could use and the first could not, with their places."""
    query = score_changes().records
    with read_only(settings.published) as reader:
        before, after = (rows_of(reader, query, {"customer": customer, "day": day}) for day in (first, last))
    known = {tuple(row[name] for name in RECORD) for row in before}
    return [row for row in after if tuple(row[name] for name in RECORD) not in known]


def _policy_values(past: Scratch, first: date, last: date) -> Rows:
    before, after = (past.records.policy_of(past.records.of(day)) for day in (first, last))
    return [{"path": path, "before": old, "after": new} for path, old, new in differing_values(before, after)]
