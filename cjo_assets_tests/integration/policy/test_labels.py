"""Labels of the policy: one for every value that the contracts and the policy enumerate."""

import re
from collections.abc import Iterator

from cjo_assets.catalog import data_families
from cjo_assets.core.contract import columns_of
from cjo_assets.policy import Policy, load_policy
from cjo_assets_tests.support.rows import policy_with

# A value that is a word already needs no label.
WORD = re.compile(r"[a-zA-Z0-9 /-]+")


def enumerated(policy: Policy) -> Iterator[tuple[str, str]]:
    """Return column and value of every value that a contract or the vocabulary of the policy enumerates."""
    for family in data_families():
        contracts = [table.contract for table in family.tables] + [dataset.contract for dataset in family.datasets]
        for contract in contracts:
            for column in columns_of(contract):
                for check in column.checks:
                    if check.name == "isin":
                        yield from ((column.name, value) for value in check.statistics["allowed_values"])
    for name, words in policy.vocabulary:
        if isinstance(words, tuple) and name != "null_words":
            yield from ((name, word) for word in words)


def test_every_value_that_is_no_plain_word_has_a_label(policy: Policy) -> None:
    labels = policy.labels
    missing = {
        value
        for column, value in enumerated(policy)
        if not WORD.fullmatch(value) and value not in labels.words and value not in labels.columns.get(column, {})
    }
    assert missing == set()


def test_no_label_is_a_raw_name(policy: Policy) -> None:
    labels = policy.labels
    every = [*labels.words.values(), *(label for found in labels.columns.values() for label in found.values())]
    assert [label for label in every if "_" in label or not label.strip()] == []


def test_labels_decide_nothing(policy: Policy) -> None:
    changed = policy_with(labels__words__at_risk="in danger")
    assert changed.labels.of("status", "at_risk") == "in danger"
    assert changed.labels.of("status", "on_track") == policy.labels.of("status", "on_track")
    assert changed.policy_hash == policy.policy_hash == load_policy().policy_hash
