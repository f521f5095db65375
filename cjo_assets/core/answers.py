"""Answers of a family to commands: its subject, the summary of a day, generated sample data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import ibis.expr.types as ir

from cjo_assets.policy.labels import LabelsPolicy

# Rows of a query; it may use the parameter $day.
Rows = Callable[[str], list[dict[str, Any]]]


@dataclass(frozen=True)
class Subject:
    """The kind of subject of a family whose rows `cjo run` can show alone.

    Attributes:
        name: its name, the name of the option, and the name of its id column without `_id`.
        dataset: the dataset, and the validated input, with one row per subject.
        rows_of: filters a table to one subject, given the table, the id and the linked tables.
        tables: the tables to show, in order; empty for all tables of the family.
        links_of: the linked tables that this requires, given the columns of the table.
    """

    name: str
    dataset: str
    rows_of: Callable[[ir.Table, str, Mapping[str, ir.Table]], ir.Table]
    tables: tuple[str, ...] = ()
    links_of: Callable[[tuple[str, ...]], tuple[str, ...]] = lambda _: ()

    @property
    def column(self) -> str:
        """Column that names it."""
        return f"{self.name}_id"


@dataclass(frozen=True)
class Summary:
    """The figures of a day that `cjo run` prints.

    Attributes:
        title: heading, which the day follows.
        table: dated table with one row per day.
        figures: from the rows of a query, and the labels of the policy, to pairs of label and text.
    """

    title: str
    table: str
    figures: Callable[[Rows, LabelsPolicy], list[tuple[str, str]]]


@dataclass(frozen=True)
class PlanRequest:
    """A request for the plan of an experiment.

    Attributes:
        rate: rate of the control [0-1].
        exposures_per_day: of both arms together [units]; None where no days are of interest.
        lifts: true relative effects; empty for those of the policy.
        metric: metric that states unit and direction; None where more is better, and each exposure another person.
    """

    rate: float
    exposures_per_day: float | None
    lifts: tuple[float, ...]
    metric: str | None


@dataclass(frozen=True)
class Planning:
    """Planning of experiments of a family.

    Attributes:
        metrics: from the policy to the metrics that it defines.
        columns: columns of a plan to show, with their headings.
        plan: from request and policy to the rows of the plan.
        assumptions: from the policy to one sentence on level, power and what is worth scaling.
    """

    metrics: Callable[[Any], tuple[str, ...]]
    columns: Mapping[str, str]
    plan: Callable[[PlanRequest, Any], ir.Table]
    assumptions: Callable[[Any], str]


@dataclass(frozen=True)
class SynthOption:
    """An option of `cjo synth` of one family.

    Attributes:
        name: its name, as a Python argument.
        help: what it changes.
        default: value unless given; False for a switch.
    """

    name: str
    help: str
    default: float | bool


@dataclass(frozen=True)
class SynthRequest:
    """A request for generated data.

    Attributes:
        count: number of subjects.
        seed: the same request with the same seed gives the same bytes.
        last_day: last day of the data.
        weeks: weeks in which subjects start.
        dirty: corrupted rows per valid row [0-1].
        has_effect: whether what is done has any effect.
        options: values of the family's own options, by name.
    """

    count: int
    seed: int
    last_day: date
    weeks: int
    dirty: float
    has_effect: bool
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Synth:
    """Generated sample data of a family.

    Attributes:
        counted: what the request counts, in the plural; also the name of the option.
        last_day: last day unless given.
        weeks: weeks unless given.
        options: options that only this family has.
        generate: from request and policy to the generated tables, a `cjo_assets.synth.made.Made`.
    """

    counted: str
    last_day: date
    weeks: int
    generate: Callable[[SynthRequest, Any], Any]
    options: tuple[SynthOption, ...] = ()
