"""Answers of a family to questions about its decisions: why, what changed, who approves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import ibis.expr.types as ir

from cjo_assets.core.contract import Contract

Row = dict[str, Any]


@dataclass(frozen=True)
class RowExplanation:
    """How `cjo why` explains the rows that a family writes to its exchange file.

    Attributes:
        evidence: column of a row with the records behind it as dataset:key, the key without the customer.
        shown: columns of these records that the rule reads, by dataset.
        rule: from a row, the values of its records, and the family's section of the policy to the rule and what it
            found, in a sentence, and the policy values that it used, by path.
    """

    evidence: str
    shown: Mapping[str, tuple[str, ...]]
    rule: Callable[[Row, list[Row], Row], tuple[str, dict[str, Any]]]


@dataclass(frozen=True)
class ExplainedRow:
    """A row of an exchange file, explained by the records of the family that wrote it.

    Attributes:
        dataset: the dataset that reads the file.
        family: the family that wrote it.
        row: the row.
        as_of: the newest day of that family when the explained day was run; None without one.
        policy_hash: policy of that day; None without one.
        rule: the rule and what it found, in a sentence; empty without a policy.
        policy_values: the policy values that the rule used.
        records: the records behind the row, each with its shown values, file, row and hashes.
        missing: evidence that is not among the published records.
    """

    dataset: str
    family: str
    row: Row
    as_of: date | None
    policy_hash: str | None
    rule: str
    policy_values: dict[str, Any]
    records: list[Row]
    missing: list[str]


@dataclass(frozen=True)
class CustomerRows:
    """The rows of another family about the customer of a decision, on its last published day.

    Attributes:
        family: the family.
        as_of: the day.
        parts: rows of each part, by name.
    """

    family: str
    as_of: date
    parts: dict[str, list[Row]]


@dataclass(frozen=True)
class Why:
    """The explanation of a decision for a customer on a day.

    Attributes:
        customer_id: the customer.
        as_of: the day.
        intervention_id: the requested intervention; None if the customer was requested.
        answer: the decision in a sentence.
        run: the run that published the day.
        policy: authorship of the policy that decided.
        policy_values: the policy values that the decision used.
        parts: rows of each part, by name; without a part whose tables an earlier version did not publish.
        exchanged: the rows about the customer that another family wrote, explained by its records.
        others: the rows of other families about the customer.
    """

    customer_id: str
    as_of: date
    intervention_id: str | None
    answer: str
    run: Row
    policy: Row
    policy_values: dict[str, Any]
    parts: dict[str, list[Row]] = field(default_factory=dict)
    exchanged: list[ExplainedRow] = field(default_factory=list)
    others: list[CustomerRows] = field(default_factory=list)


@dataclass(frozen=True)
class Branch:
    """A branch of the output tree: a heading, and lines under it."""

    heading: str
    lines: list[str]


@dataclass(frozen=True)
class CustomerView:
    """What a family adds to the explanation of a customer by another family.

    Attributes:
        heading: heading of its branch.
        queries: query of each part, by $customer and $day, the last published day of the family by the explained one.
        lines: from the rows of the parts to the lines of the branch.
    """

    heading: str
    queries: Mapping[str, str]
    lines: Callable[[dict[str, list[Row]]], list[str]]


@dataclass(frozen=True)
class ExplainedSubject:
    """The explanation of a subject of a family on a day.

    Attributes:
        family: the family.
        kind: kind of subject, for example experiment.
        subject: its id.
        as_of: the last day that has it.
        row: its row on that day.
        run: the run that published the day.
        policy: the policy that decided, by section; empty where it is not recorded.
        parts: rows of each part, by name; without a part whose tables an earlier version did not publish.
    """

    family: str
    kind: str
    subject: str
    as_of: date
    row: Row
    run: Row
    policy: dict[str, Any]
    parts: dict[str, list[Row]]


@dataclass(frozen=True)
class SubjectExplanation:
    """How `cjo why` explains a kind of subject of a family.

    Attributes:
        kind: kind of subject, for example experiment.
        table: dated table with a row per subject.
        key: its column that identifies the subject.
        queries: query of each part, by $subject and $day.
        paragraph: from the explanation to its answer in plain words.
        branches: from the explanation to the branches of its output.
    """

    kind: str
    table: str
    key: str
    queries: Mapping[str, str]
    paragraph: Callable[[ExplainedSubject], str]
    branches: Callable[[ExplainedSubject], list[Branch]]


@dataclass(frozen=True)
class Explanation:
    """How `cjo why` explains the decision for a customer or an intervention.

    Attributes:
        customers: query that returns a row if $subject is a customer.
        customers_of_intervention: queries from an intervention, $subject, by a day, $day, to its customer.
        queries: query of each part, in order; they may use $customer, $day, $run_id and $policy_hash.
        answer: from the rows of the parts, and the intervention that was requested, to the decision in a sentence.
        policy_values: from the text of the policy and the rows of the parts to the policy values used.
        paragraph: from the explanation to its answer in plain words.
        branches: from the explanation to the branches of its output.
    """

    customers: str
    customers_of_intervention: tuple[str, ...]
    queries: Mapping[str, str]
    answer: Callable[[dict[str, list[Row]], str | None], str]
    policy_values: Callable[[str, dict[str, list[Row]]], dict[str, Any]]
    paragraph: Callable[[Why], str]
    branches: Callable[[Why], list[Branch]]


@dataclass(frozen=True)
class Approvals:
    """Approval requests of a family, and the answers of people.

    Attributes:
        records: file in the home that answers are appended to.
        key: column of that file that identifies what is answered; the tables below have it as `intervention_id`.
        requests: table or query with the latest state of each request; `moves_no_money` is true where a request has no
            cost because it moves no money, and may be absent where each request costs something.
        pending: table or query with the pending requests.
        history: table or query with the published answers.
        interventions: table or query with every intervention known on a day, with and without approval.
        days: dated table with a row on every published day.
        not_yet: reason why a published answer has no effect, if it will have one on a later day.
        categories: from the policy to the categories of a rejection.
        effect: what an approval means, to follow the word approved; empty where nothing follows from it alone.
        subject: kind of subject that requests are about, whose id is their column `<subject>_id`.
    """

    records: str
    key: str
    requests: str
    pending: str
    history: str
    interventions: str
    days: str
    not_yet: str
    categories: Callable[[Any], tuple[str, ...]]
    effect: str = ""
    subject: str = "customer"


@dataclass(frozen=True)
class HandedOver:
    """Decisions of a family that other systems or people carry out, as `cjo why` explains them.

    Attributes:
        decisions: dated table of the decisions, with `evidence` as table:key.
        requests: dated table of their approval requests, which has requests that people recorded, too.
        key: column that identifies a decision in both.
        names: query of the name of $customer.
        paragraph: from the explanation to its answer in plain words.
    """

    decisions: str
    requests: str
    key: str
    names: str
    paragraph: Callable[[ExplainedDecision], str]


@dataclass(frozen=True)
class ExplainedDecision:
    """A decision that other systems or people carry out, with what it rests on.

    Attributes:
        family: the family that decided.
        decision_id: the decision.
        as_of: the last day that has it.
        customer_name: name of its customer; None without one.
        decision: its row; None for a request that a person recorded.
        request: the row of its approval request; None where it needs none.
        run: the run that published the day.
        records: the accepted records that its evidence names, each with file and row.
        rows: the other evidence, which names rows of tables of the day.
    """

    family: str
    decision_id: str
    as_of: date
    customer_name: str | None
    decision: Row | None
    request: Row | None
    run: Row
    records: list[Row]
    rows: list[str]


@dataclass(frozen=True)
class PolicyComparison:
    """What a candidate policy changes in the decisions of a family.

    Attributes:
        decisions: dated table of decisions.
        scores: dated table of risk scores.
        forecasts: dated table of forecasts.
        gaps: dated table of customers with a risk trigger and no decision.
        customers: table of customers.
        changes_contract: contract of the changes.
        changes: from decisions, scores and forecasts, each under the policy of the day and under the candidate, and
            customers to the changes.
        effects_contract: contract of the effects.
        measures: from decisions, scores, forecasts, gaps, days and policy to the measures under that policy.
        effects: from the measures under the policy of the day and under the candidate to the effects.
        is_score_same: SQL condition that the scores `old` and `new` of a customer are equal.
        rows_shown: from the policy to the number of changes to print.
    """

    decisions: str
    scores: str
    forecasts: str
    gaps: str
    customers: str
    changes_contract: type[Contract]
    changes: Callable[..., ir.Table]
    effects_contract: type[Contract]
    measures: Callable[..., ir.Table]
    effects: Callable[[ir.Table, ir.Table], ir.Table]
    is_score_same: str
    rows_shown: Callable[[Any], int]

    @property
    def compared(self) -> tuple[str, ...]:
        """Dated tables that are computed under both policies."""
        return (self.decisions, self.scores, self.forecasts, self.gaps)


@dataclass(frozen=True)
class ScoreChanges:
    """Why the scores of a family's customers change between two days.

    Attributes:
        scores: dated table of risk scores.
        contributions: dated table of the contributions to them.
        segments: dated table with the segment of each customer.
        contract: contract of the changes, one row per customer and score.
        split: from scores and contributions, each by state, and segments to the changes by cause.
        failing_rows: from the changes to those whose parts do not sum to the change.
        causes: columns of the changes with a part for each cause, each with its name in a sentence.
        records: query of the records about $customer that a $day could use, with their places.
        states_between: names of the states from the first day to the last, in order.
        main_score: the score by which the largest changes are listed.
        rows_shown: from the policy to the number of changes to print.
    """

    scores: str
    contributions: str
    segments: str
    contract: type[Contract]
    split: Callable[..., ir.Table]
    failing_rows: Callable[[ir.Table], ir.Table]
    causes: Mapping[str, str]
    records: str
    states_between: tuple[str, ...]
    main_score: str
    rows_shown: Callable[[Any], int]
