"""Options that depend on the families of the catalog: names of families, subjects, generated data.

The catalog is imported when the options of such a command are needed, so that `cjo --help` answers at once.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

if TYPE_CHECKING:
    from cjo_assets.core.family import Family

Parameters = list[inspect.Parameter]
# Default of an option for a family: the first family of the catalog.
FIRST_FAMILY = "<first family>"


class FamilyCommand(TyperCommand):
    """A command whose help texts may contain {families} and {example}, the full name of a dated table."""

    is_complete = False

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the options, complete with those of the families."""
        if not self.is_complete:
            self._complete()
        return super().get_params(ctx)

    def completed(self, parameters: Parameters, families: Sequence[Family]) -> Parameters:
        """Return the parameters with the families named, and without those for any keyword."""
        names = [family.name for family in families]
        examples = [f"{family.name}.{family.example_table}" for family in families if family.example_table]
        words = {"families": _alternatives(names), "example": next(iter(examples), "")}
        return [
            _with_help(own.replace(default=names[0]) if own.default == FIRST_FAMILY else own, words)
            for own in parameters
            if own.kind is not inspect.Parameter.VAR_KEYWORD
        ]

    def _complete(self) -> None:
        from cjo_assets.catalog import data_families

        function = inspect.unwrap(self.callback) if self.callback else print
        declared = list(inspect.signature(function, eval_str=True).parameters.values())

        def command(**values: Any) -> None:
            function(**values)

        by_name = [
            own.replace(kind=inspect.Parameter.KEYWORD_ONLY) for own in self.completed(declared, data_families())
        ]
        vars(command)["__signature__"] = inspect.Signature(by_name)
        application = typer.Typer(add_completion=False)
        application.command()(command)
        built = typer.main.get_command(application)
        self.params, self.callback, self.is_complete = built.params, built.callback, True


def _alternatives(names: Sequence[str]) -> str:
    """Return names as a list in a sentence: `a, b or c`."""
    return " or ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


class RunCommand(FamilyCommand):
    """`cjo run`: each subject has an option, which is a keyword argument of the function."""

    def completed(self, parameters: Parameters, families: Sequence[Family]) -> Parameters:
        """Return the parameters with an option for each subject at the end."""
        names = dict.fromkeys(family.subject.name for family in families if family.subject is not None)
        text = "Show the computed rows of one {} without storing anything."
        options = [_option(name, str | None, None, text.format(name)) for name in names]
        return [*super().completed(parameters, families), *options]


class SynthCommand(FamilyCommand):
    """`cjo synth`: each generator has options, which are keyword arguments of the function."""

    def completed(self, parameters: Parameters, families: Sequence[Family]) -> Parameters:
        """Return the parameters with the options of each generator beside those of all."""
        synths = {family.name: family.synth for family in families if family.synth is not None}
        options = [option for synth in synths.values() for option in synth.options]
        switches = [option for option in options if isinstance(option.default, bool)]
        added = {
            "family": [
                _option(synth.counted, int | None, None, f"Number of {synth.counted} ({name}).")
                for name, synth in synths.items()
            ],
            "weeks": [_option(own.name, float, own.default, own.help) for own in options if own not in switches],
            "null_effect": [_option(own.name, bool, own.default, own.help) for own in switches],
        }
        words = {
            "counted": " and ".join(synth.counted for synth in synths.values()),
            "last_days": _defaults({name: synth.last_day for name, synth in synths.items()}),
            "weeks": _defaults({name: synth.weeks for name, synth in synths.items()}),
        }
        named = [_with_help(parameter, words) for parameter in super().completed(parameters, families)]
        return [found for parameter in named for found in (parameter, *added.get(parameter.name, ()))]


def _defaults(values: dict[str, object]) -> str:
    """Return the default of the first family, and those of the others by name."""
    (_, first), *others = values.items()
    return "; ".join([str(first), *(f"{name}: {value}" for name, value in others)])


def _option(name: str, kind: Any, default: Any, text: str) -> inspect.Parameter:
    option = typer.Option(f"--{name.replace('_', '-')}", help=text)
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])


def _with_help(parameter: inspect.Parameter, words: dict[str, str]) -> inspect.Parameter:
    """Return a parameter with words put into its help text."""
    info = next(iter(getattr(parameter.annotation, "__metadata__", ())), None)
    if info is None or not info.help:
        return parameter
    changed = copy.copy(info)
    for name, text in words.items():
        changed.help = changed.help.replace(f"{{{name}}}", text)
    return parameter.replace(annotation=Annotated[parameter.annotation.__origin__, changed])
