"""Discovery of datasets and tables in the modules of a family's folder.

A module of a stage folder is a table unless its name begins with an underscore. The table, its transform and the module
have one name; the contract has it in camel case; the stage is the folder. A module with a `DATASET` declares the
dataset, its quarantine and the table of its accepted rows. A table without a transform is written by the run.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from types import ModuleType

import ibis.expr.types as ir

from cjo_assets.core.checks import checks_in
from cjo_assets.core.config import TableConfig
from cjo_assets.core.contract import Contract, may_discard
from cjo_assets.core.dataset import Dataset
from cjo_assets.core.quarantine.dataset_tables import dataset_tables, discarded_name
from cjo_assets.core.table import QUARANTINE, BoundQuery, Reference, Table, inputs_of

QUARANTINED, DISCARDED = "quarantined", "discarded"


class DeclarationError(Exception):
    """A module of a stage folder that declares no table."""


def datasets_in(package: str, stages: tuple[str, ...]) -> tuple[Dataset, ...]:
    """Return the datasets that modules of the stage folders declare."""
    found = (getattr(module, "DATASET", None) for _, module in _modules(package, stages))
    return tuple(dataset for dataset in found if isinstance(dataset, Dataset))


def tables_in(package: str, family: str, stages: tuple[str, ...], datasets: tuple[Dataset, ...]) -> tuple[Table, ...]:
    """Return the tables of a family in the order of its stages.

    Args:
        package: the family's package.
        family: name of the family, and schema of its tables.
        stages: names of the stage folders in pipeline order.
        datasets: datasets that parameters such as `**quarantined` expand to.

    Raises:
        DeclarationError: a module declares no contract of its name.
    """
    return tuple(
        table for stage, module in _modules(package, stages) for table in _tables_of(module, family, stage, datasets)
    )


def _modules(package: str, stages: tuple[str, ...]) -> Iterator[tuple[str, ModuleType]]:
    for stage in stages:
        folder = importlib.import_module(f"{package}.{stage}")
        names = sorted(found.name for found in pkgutil.iter_modules(folder.__path__))
        for name in names:
            if not name.startswith("_"):
                yield stage, importlib.import_module(f"{folder.__name__}.{name}")


def _tables_of(module: ModuleType, family: str, stage: str, datasets: tuple[Dataset, ...]) -> list[Table]:
    checks = checks_in(vars(module))
    dataset = getattr(module, "DATASET", None)
    if isinstance(dataset, Dataset):
        return dataset_tables(dataset, family, stage, checks)
    name = module.__name__.rpartition(".")[2]
    config = getattr(module, "CONFIG", TableConfig())
    transform = getattr(module, name, None)
    return [
        Table(
            schema=config.schema or family,
            name=name,
            contract=_contract_of(module, name),
            transform=_with_inputs(transform, family, config, datasets) if transform is not None else None,
            group=stage,
            checks=checks,
            is_view=config.is_view,
            is_appended=config.is_appended,
            is_published=config.is_published,
            look_back_columns=config.look_back_columns,
            is_decision=config.is_decision,
        )
    ]


def _contract_of(module: ModuleType, name: str) -> type[Contract]:
    expected = "".join(part.capitalize() for part in name.split("_"))
    contract = getattr(module, expected, None)
    if isinstance(contract, type) and issubclass(contract, Contract):
        return contract
    raise DeclarationError(
        f"{module.__name__} has no contract {expected}. A module of a stage folder declares one table; "
        "a helper module begins with an underscore."
    )


def _with_inputs(
    transform: Callable[..., ir.Table], family: str, config: TableConfig, datasets: tuple[Dataset, ...]
) -> Callable[..., ir.Table]:
    """Return a transform with its inputs where its parameters alone do not name them."""
    parameters = inspect.signature(transform).parameters.values()
    variadic = [parameter.name for parameter in parameters if parameter.kind is parameter.VAR_KEYWORD]
    if not variadic and config.schema is None:
        return transform
    inputs = {name: found for name, found in inputs_of(transform, family).items() if name not in variadic}
    for name, full_name in config.others.items():
        schema, _, table = full_name.partition(".")
        inputs[name] = Reference(schema, table)
    for name in variadic:
        inputs |= _of_every_dataset(name, datasets)
    return BoundQuery(transform, inputs)


def _of_every_dataset(parameter: str, datasets: tuple[Dataset, ...]) -> dict[str, Reference]:
    names = {
        QUARANTINED: [dataset.name for dataset in datasets],
        DISCARDED: [discarded_name(dataset) for dataset in datasets if may_discard(dataset.contract)],
    }
    return {f"{parameter}_{name}": Reference(QUARANTINE, name) for name in names[parameter]}
