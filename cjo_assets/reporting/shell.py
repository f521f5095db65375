"""What every page of ours is set in: no script, no request, readable on a phone, on paper and at night.

Belongs here: the head of a page, its colours, and how templates are filled. Does not belong here: what a page shows.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from cjo_assets.reporting.palette import COLOURS, tone
from cjo_assets.reporting.text import visible

LONGEST_ID = 10


def filled(template: str, **content: Any) -> str:
    """Return a template with its content, in which every text is escaped that is no markup of ours."""
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return visible(_environment().get_template(template).render(style=Markup(style), digest=digest, **content))


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("cjo_assets.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["tone"] = tone
    environment.filters["breakable"] = _breakable
    environment.filters["kind"] = lambda part: type(part).__name__
    return environment


def _breakable(text: str) -> Markup:
    """Return text that may go on in a new line after an underscore: names of the tables are long, ids are not."""
    return escape(text) if len(text) <= LONGEST_ID else escape(text).replace("_", Markup("_<wbr>"))


@functools.cache
def _style() -> str:
    """Return the style sheet, with the colours of day and night."""
    day, night = (
        " ".join(f"--{colour.name}: {getattr(colour, light)};" for colour in COLOURS) for light in ("light", "dark")
    )
    lights = f":root {{ {day} }}\n@media screen and (prefers-color-scheme: dark) {{ :root {{ {night} }} }}\n"
    return lights + resources.files("cjo_assets.reporting").joinpath("templates", "page.css").read_text(
        encoding="utf-8"
    )
