"""Declaration of a dataset: its name, its contract, and the rules between its rows and other tables.

Each dataset's table file has one. `core/quarantine/` applies the rules and `ingest/loading.py` reads the files.
"""

from collections.abc import Callable
from dataclasses import dataclass

import ibis.expr.types as ir

from cjo_assets.core.contract import Contract


@dataclass(frozen=True)
class Preference:
    """Choice between several valid rows about the same thing.

    Attributes:
        same: columns in which rivals agree.
        best_first: from the typed `rows`, the policy and the tables it names to ascending sort keys.
        rule: the reason given to the others.
    """

    same: tuple[str, ...]
    best_first: Callable[..., list[ir.Value]]
    rule: str


@dataclass(frozen=True)
class Dataset:
    """One dataset of a family.

    Attributes:
        name: name of the file without its ending, and of the raw table.
        contract: what a row must be; also the contract of the lookup.
        table: name of the lookup; the dataset's own name unless given.
        may_be_empty: whether a run makes sense without any row.
        is_optional: whether a run without it is complete: its absence is neither noted nor a warning.
        relations: from the typed `rows` and the tables it names to further rules, with the rows that break them.
        preference: what decides among valid rows about the same thing.
        record_date: the column that dates a record.
        is_history: whether its rows are events, so that a corrected row corrects the days since; a changed customer or
            playbook holds from now on, since earlier days were decided on what it was.
        records: name of the file in the home in which people's own records of this kind are kept, read beside the
            file of the data folder; empty where there is none.
        exchange: name of the file in the exchange folder of the home that another family writes; empty where there is
            none. Its records set no as-of date: the file may be written between two runs of the same day.
    """

    name: str
    contract: type[Contract]
    table: str = ""
    may_be_empty: bool = True
    is_optional: bool = False
    relations: Callable[..., dict[str, ir.BooleanValue]] | None = None
    preference: Preference | None = None
    record_date: str | None = None
    is_history: bool = True
    records: str = ""
    exchange: str = ""

    @property
    def sets_newest_day(self) -> bool:
        """Whether the dates of its records set the default as-of date."""
        return self.is_history and not self.exchange

    @property
    def lookup(self) -> str:
        """Name of the lookup table."""
        return self.table or self.name
