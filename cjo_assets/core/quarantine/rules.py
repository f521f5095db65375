"""Rules by which rows of a file are rejected, and the rows that remain.

They are the rules that every dataset has: written form of the type, contract, key, relations, preference among rows
with one key. Rules of one dataset are passed in by its table file.

A dataset is validated in one scan. What only a few rows need (the list of broken rules, the choice among rows with one
key) is computed for those few: the suspects. Rows that share a key are found by a hash of it, which is quicker to group
than the key; a hash that two keys share makes suspects, but rejects no row.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import (
    Column,
    Contract,
    TextList,
    allowed_words,
    any_of,
    breaches,
    column,
    columns_of,
    is_discardable,
    key,
    key_of,
    names_where,
)
from cjo_assets.core.dataset import Dataset
from cjo_assets.core.expressions.hashing import hash_of
from cjo_assets.core.quarantine.contests import (
    SUPERSEDED,
    contest_of_key,
    contest_of_rivals,
    contest_of_versions,
)
from cjo_assets.core.quarantine.lexical import is_written_as, type_in_words, typed, typed_or_null
from cjo_assets.core.quarantine.null_words import given
from cjo_assets.core.quarantine.text_identity import REJECT, is_id, is_not_normal
from cjo_assets.policy import Policy, Vocabulary

KEY_SEPARATOR = " | "
# The only rule that a row breaks which was emptied because its customer was erased.
REFUSED = "erased: the customer was erased, and what a file says of them is refused"

# A reader adds these to the columns of the contract: the position of a row, how it failed to be a flat record, and the
# instant of its version where `sources.yaml` names a column that orders versions.
RAW_COLUMNS = {
    "source_file": "string",
    "source_row": "int64",
    "file_sha256": "string",
    "irregularities": "array<string>",
    "record": "string",
    "version": "string",
}


# Of these the accepted rows keep their position. No transform reads it: a row means the same in any position.
PROVENANCE = ("source_file", "source_row")


class QuarantinedRows(Contract):
    """Rows of the present file that were rejected. One row per rejected row of the file."""

    dataset: str = column("Dataset of the row.")
    source_file: str = key("Name of the file.")
    file_sha256: str = column("Hash of the file's bytes.")
    source_row: int = key("Number of the row in the file, from 1, the header of a CSV not counted.", ge=1)
    record_key: str = column("Key of the record as written; null where the row has none.", nullable=True)
    customer_id: str = column(
        "Customer the row claims to be about; null where it names none.", nullable=True, personal="customer"
    )
    record_date: date = column("Date of the record; null where it has none or it cannot be read.", nullable=True)
    broken_rules: TextList = column("Every rule the row breaks, sorted.")
    raw_record: str = column("The row as it was read, as JSON.", personal="record")


@functools.cache
def with_provenance(contract: type[Contract]) -> type[Contract]:
    """Return the contract of the accepted rows of a dataset: that of its rows, and their positions."""
    columns = {
        "source_file": column("File the row was read from; audit.dataset_loads has its hash."),
        "source_row": column("Number of the row in it, from 1, the header of a CSV not counted.", ge=1),
    }
    types = {"source_file": str, "source_row": int}
    space = {"__doc__": contract.__doc__, "__module__": contract.__module__, "__annotations__": types, **columns}
    return type(contract.__name__, (contract,), space)


class DiscardedValues(QuarantinedRows):
    """Rows of the present file that were accepted without a value of an optional column. One row per such row."""

    broken_rules: TextList = column("Every rule that a discarded value breaks, sorted; each begins with its column.")


def typed_rows(raw: ir.Table, contract: type[Contract], policy: Policy) -> ir.Table:
    """Return the rows of a file with the contract's types; what cannot be read as its type is null."""
    texts = {spec: given(raw[spec.name], spec, policy.vocabulary) for spec in columns_of(contract)}
    return raw.select(**{spec.name: typed_or_null(text, spec) for spec, text in texts.items()})


def accepted_rows(
    raw: ir.Table, quarantined: ir.Table, discarded: ir.Table | None, contract: type[Contract], policy: Policy
) -> ir.Table:
    """Return the typed rows of a file that were accepted, with their file and row number.

    Args:
        raw: the file as text.
        quarantined: the rejected rows.
        discarded: the rows of which values were discarded; None where the contract has no column of that kind.
        contract: what a row must be.
        policy: the vocabulary.
    """
    accepted = raw.anti_join(quarantined, list(PROVENANCE))
    if discarded is not None:
        rules = discarded.select(*PROVENANCE, discarded_rules="broken_rules")
        accepted = accepted.left_join(rules, list(PROVENANCE))
    values: dict[str, ir.Value] = {}
    for spec in columns_of(contract):
        value = typed(given(accepted[spec.name], spec, policy.vocabulary), spec)
        if discarded is not None and is_discardable(spec, policy):
            value = _has_rule_of(accepted.discarded_rules, spec).ifelse(ibis.null(spec.type), value)
        values[spec.name] = value
    return accepted.select(**values, **{name: accepted[name] for name in PROVENANCE})


def rows_known_on(
    dataset: Dataset,
    raw: ir.Table,
    quarantined: ir.Table,
    discarded: ir.Table | None,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Return the typed rows of a dataset that orders versions: of each key the newest version that was known on a day.

    An event was not known before its first version. Master data hold for the days before theirs, as they do in every
    dataset: of customers and playbooks it is the earliest version.
    """
    contract = dataset.contract
    rejected = quarantined.filter(~quarantined.broken_rules.contains(SUPERSEDED))
    rows = accepted_rows(raw, rejected, discarded, contract, policy)
    rows = rows.join(raw.select(*PROVENANCE, "version"), list(PROVENANCE)).drop(*PROVENANCE)
    rows = rows.mutate(is_known=rows.version.substr(0, 10) <= as_of.cast("string"))
    if dataset.is_history:
        rows = rows.filter(rows.is_known)
    order = [rows.is_known.desc(), rows.is_known.ifelse(rows.version, "").desc(), rows.version]
    newest_first = ibis.window(group_by=[rows[column] for column in key_of(contract)], order_by=order)
    rows = rows.mutate(place=ibis.row_number().over(newest_first))
    return rows.filter(rows.place == 0).drop("version", "is_known", "place")


def quarantined_rows(
    dataset: Dataset,
    raw: ir.Table,
    policy: Policy,
    relations: Callable[[ir.Table], dict[str, ir.BooleanValue]],
    best_first: Callable[[ir.Table], list[ir.Value]],
) -> ir.Table:
    """Validate every row of a file.

    Args:
        dataset: what the file is about and what its rows must be.
        raw: the file as text: the contract's columns and `RAW_COLUMNS`.
        policy: the vocabulary, and which optional columns are used.
        relations: the dataset's relations, given the tables they refer to.
        best_first: the sort keys of the dataset's preference, given the tables they refer to.

    Returns:
        The rejected rows, as `QuarantinedRows`.
    """
    contract, preference = dataset.contract, dataset.preference
    specs = columns_of(contract)
    key = key_of(contract)
    discardable = tuple(spec for spec in specs if is_discardable(spec, policy))
    decisive = tuple(spec for spec in specs if spec not in discardable)
    rows = _with_texts(raw, specs, policy)
    # Most rows only need a test whether anything is wrong with them. A value that is not written as its type requires
    # makes its row a suspect whatever it is read as, so the other rules may be tested on any value.
    # A value that is one of a few allowed words is also well written.
    free = {spec: rows[_text(spec)] for spec in decisive if not _has_few_words(spec, policy.vocabulary)}
    rows = rows.mutate(
        **{spec.name: typed(rows[_text(spec)], spec) for spec in specs},
        is_misspelt=any_of(text.notnull() & ~is_written_as(text, spec).fill_null(False) for spec, text in free.items()),
        may_share_key=_may_be_repeated(rows, raw, tuple(spec for spec in specs if spec.name in key), policy),
    )

    def rules(table: ir.Table) -> dict[str, ir.BooleanValue]:
        return _rules(dataset, table, policy, relations, discarded=False) | _missing(table, specs)

    suspicion = [rows.irregularities.notnull(), rows.may_share_key, rows.is_misspelt, *rules(rows).values()]
    if preference is not None:
        rivals = tuple(spec for spec in specs if spec.name in preference.same)
        suspicion.append(_may_be_repeated(rows, raw, rivals, policy))
    suspects = rows.filter(any_of(suspicion))
    suspects = suspects.mutate(**{spec.name: typed_or_null(suspects[_text(spec)], spec) for spec in specs})
    suspects = suspects.mutate(
        broken=is_refused(suspects)
        .ifelse(_no_names(), names_where(rules(suspects) | _misspelt(suspects, decisive)))
        .concat(_irregularities(suspects, lambda rule: ~_is_of_any(rule, discardable))),
        meaning=suspects.may_share_key.ifelse(_meaning(suspects, specs), ibis.null("string")),
    )
    suspects = suspects.mutate(contest=contest_of_key(suspects, key))
    suspects = suspects.mutate(contest=ibis.coalesce(suspects.contest, contest_of_versions(suspects, key)))
    lost = [suspects.contest]
    if preference is not None:
        suspects = suspects.mutate(lost=contest_of_rivals(suspects, preference, best_first))
        lost = [suspects.contest, suspects.lost]
    broken_rules = suspects.broken.concat(ibis.array(lost).filter(lambda name: name.notnull())).sort()
    suspects = suspects.mutate(broken_rules=broken_rules)
    return _recorded(dataset, suspects.filter(suspects.broken_rules.length() > 0))


def discarded_values(
    dataset: Dataset,
    raw: ir.Table,
    quarantined: ir.Table,
    policy: Policy,
    relations: Callable[[ir.Table], dict[str, ir.BooleanValue]],
) -> ir.Table:
    """Find the accepted rows of a file that have bad values in optional columns no rule of the policy reads.

    Args:
        dataset: what the file is about and what its rows must be.
        raw: the file as text: the contract's columns and `RAW_COLUMNS`.
        quarantined: the rejected rows.
        policy: the vocabulary, and which optional columns are used.
        relations: the dataset's relations, given the tables they refer to.

    Returns:
        The rows with the rules that these values break, as `DiscardedValues`.
    """
    specs = columns_of(dataset.contract)
    discardable = tuple(spec for spec in specs if is_discardable(spec, policy))
    rows = _with_texts(raw.anti_join(quarantined, list(PROVENANCE)), specs, policy)
    rows = rows.mutate(**{spec.name: typed(rows[_text(spec)], spec) for spec in specs if spec not in discardable})
    rows = rows.mutate(**{spec.name: typed_or_null(rows[_text(spec)], spec) for spec in discardable})
    rules = _rules(dataset, rows, policy, relations, discarded=True) | _misspelt(rows, discardable)
    rows = rows.filter(rows.irregularities.notnull() | any_of(rules.values()))
    rules = _rules(dataset, rows, policy, relations, discarded=True) | _misspelt(rows, discardable)
    irregular = _irregularities(rows, lambda rule: _is_of_any(rule, discardable))
    rows = rows.mutate(broken_rules=names_where(rules).concat(irregular).sort())
    return _recorded(dataset, rows.filter(rows.broken_rules.length() > 0))


def _with_texts(raw: ir.Table, specs: tuple[Column, ...], policy: Policy) -> ir.Table:
    """Add each value as the file has it, and its text without the words for a missing one."""
    return raw.mutate(
        **{_written(spec): raw[spec.name] for spec in specs},
        **{_text(spec): given(raw[spec.name], spec, policy.vocabulary) for spec in specs},
    )


def _rules(
    dataset: Dataset,
    rows: ir.Table,
    policy: Policy,
    relations: Callable[[ir.Table], dict[str, ir.BooleanValue]],
    *,
    discarded: bool,
) -> dict[str, ir.BooleanValue]:
    """Return the rules of the contract and the relations: those that discard a value, or those that reject a row.

    A rule begins with its column.
    """
    related = {name: broken.fill_null(False) for name, broken in relations(rows).items()}
    rules = breaches(dataset.contract, rows, policy.vocabulary) | _unnormalized(dataset, rows, policy) | related
    names = {spec.name for spec in columns_of(dataset.contract) if is_discardable(spec, policy)}
    return {rule: broken for rule, broken in rules.items() if (rule.partition(": ")[0] in names) == discarded}


def _unnormalized(dataset: Dataset, rows: ir.Table, policy: Policy) -> dict[str, ir.BooleanValue]:
    """Return where an id is not in its normal form, if the policy rejects it."""
    if policy.vocabulary.unnormalized_ids != REJECT:
        return {}
    ids = [spec for spec in columns_of(dataset.contract) if is_id(spec)]
    return {
        f"{spec.name}: not in normal form (blanks, Unicode composition)": is_not_normal(rows[spec.name]).fill_null(
            False
        )
        for spec in ids
    }


def _has_rule_of(rules: ir.ArrayValue, spec: Column) -> ir.BooleanValue:
    """Return whether a list of rules has one of a column."""
    return (rules.filter(lambda rule: rule.startswith(f"{spec.name}: ")).length() > 0).fill_null(False)


def _is_of_any(rule: ir.StringValue, specs: tuple[Column, ...]) -> ir.BooleanValue:
    return any_of(rule.startswith(f"{spec.name}: ") for spec in specs)


def _irregularities(rows: ir.Table, is_kept: Callable[[ir.StringValue], ir.BooleanValue]) -> ir.ArrayValue:
    return rows.irregularities.fill_null(_no_names()).filter(is_kept)


def _recorded(dataset: Dataset, rows: ir.Table) -> ir.Table:
    """Return rows as records: position, subject, broken rules, and the row as it was read."""
    specs = columns_of(dataset.contract)
    content = _as_json({spec.name: rows[_written(spec)].cast("string") for spec in specs})
    has_customer = "customer_id" in {spec.name for spec in specs}
    return rows.select(
        dataset=ibis.literal(dataset.name),
        source_file="source_file",
        file_sha256="file_sha256",
        source_row="source_row",
        record_key=_record_key(rows, key_of(dataset.contract)),
        customer_id=rows.written_customer_id if has_customer else ibis.null("string"),
        record_date=rows[dataset.record_date].cast("date") if dataset.record_date else ibis.null("date"),
        broken_rules="broken_rules",
        raw_record=ibis.coalesce(rows.record, content),
    )


def is_refused(rows: ir.Table) -> ir.BooleanValue:
    """Return whether a row of a file was emptied because its customer was erased."""
    return rows.irregularities.contains(REFUSED).fill_null(False)


def _written(spec: Column) -> str:
    """Name the value as the file has it."""
    return f"written_{spec.name}"


def _text(spec: Column) -> str:
    """Name that value without the words for a missing one."""
    return f"text_{spec.name}"


def _as_text(rows: ir.Table, name: str) -> ir.StringValue:
    """Return the text of a value; of some files it has a type."""
    return rows[f"text_{name}"].cast("string")


def _no_names() -> ir.ArrayValue:
    return ibis.literal([], "array<string>")


def _has_few_words(spec: Column, vocabulary: Vocabulary) -> bool:
    if not spec.words or not spec.type.is_string():
        return False
    return all(word.isprintable() and word.strip() for word in allowed_words(spec, vocabulary))


def _missing(rows: ir.Table, specs: tuple[Column, ...]) -> dict[str, ir.BooleanValue]:
    """Return where a value is missing from the file; one that cannot be read is there."""
    return {f"{spec.name}: missing": rows[_text(spec)].isnull() for spec in specs if not spec.nullable}


def _misspelt(rows: ir.Table, specs: tuple[Column, ...]) -> dict[str, ir.BooleanValue]:
    """Return where a value is there and could not be read."""
    return {
        f"{spec.name}: not {type_in_words(spec)}": rows[_text(spec)].notnull() & rows[spec.name].isnull()
        for spec in specs
    }


def _may_be_repeated(rows: ir.Table, raw: ir.Table, same: tuple[Column, ...], policy: Policy) -> ir.BooleanValue:
    """Return whether other rows of the file agree with a row in the columns `same`; rarely true where none does.

    The file is read a second time: rows that are read once for both would be kept in memory, all their columns.
    """
    texts = {spec: given(raw[spec.name], spec, policy.vocabulary) for spec in same}
    hashes = raw.select(hash=hash_of(*(typed(text, spec) for spec, text in texts.items())))
    repeated = hashes.group_by("hash").having(lambda row: row.count() > 1).agg()
    return hash_of(*(typed(rows[_text(spec)], spec) for spec in same)).isin(repeated.hash)


def _as_json(values: dict[str, ir.Value]) -> ir.StringValue:
    return ibis.struct(values).cast("json").cast("string")


def _meaning(rows: ir.Table, specs: tuple[Column, ...]) -> ir.StringValue:
    """Return the content of a row in any spelling: its values, and the text of values that could not be read."""
    values = {spec.name: rows[spec.name] for spec in specs}
    unread = {
        _text(spec): rows[spec.name].isnull().ifelse(_as_text(rows, spec.name), ibis.null("string")) for spec in specs
    }
    return _as_json(values | unread | {"irregularities": rows.irregularities})


def _record_key(rows: ir.Table, key: tuple[str, ...]) -> ir.StringValue:
    texts = [rows[f"written_{column}"].cast("string") for column in key]
    return texts[0] if len(texts) == 1 else ibis.array([text.fill_null("") for text in texts]).join(KEY_SEPARATOR)
