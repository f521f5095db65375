"""Deferred garbage collection while statements are compiled.

Compiling a statement creates a million small objects that all live until it is done. Garbage collection in the meantime
finds nothing and takes a third of the time.
"""

from __future__ import annotations

import functools
import gc
from collections.abc import Callable
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def collected_afterwards(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Wrap a function to run without automatic garbage collection."""

    @functools.wraps(function)
    def run(*positional: Arguments.args, **named: Arguments.kwargs) -> Result:
        was_enabled = gc.isenabled()
        gc.disable()
        try:
            return function(*positional, **named)
        finally:
            if was_enabled:
                gc.enable()

    return run
