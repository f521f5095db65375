"""HTML templates and their style sheet: no script, no request, readable on phones, on paper and in dark mode."""

from __future__ import annotations

import base64
import functools
import hashlib
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from cjo_assets.reporting.first_screen import course_path
from cjo_assets.reporting.palette import COLOURS, tone, traffic_light
from cjo_assets.reporting.text import visible

PACKAGE = "cjo_assets.reporting"
LONGEST_ID = 10


def filled(template: str, **content: Any) -> str:
    """Render a template; text is escaped unless it is `Markup`."""
    style = style_sheet()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return visible(environment().get_template(template).render(style=Markup(style), digest=digest, **content))


@functools.cache
def environment(package: str = PACKAGE) -> Environment:
    """Return the templates of a package, with the filters of all pages."""
    found = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["tone"] = tone
    found.filters["light"] = traffic_light
    found.filters["course"] = course_path
    found.filters["breakable"] = _breakable
    found.filters["kind"] = lambda part: type(part).__name__
    return found


def _breakable(text: str) -> Markup:
    """Return text with line breaks allowed after underscores: names of tables are long, ids are not."""
    return escape(text) if len(text) <= LONGEST_ID else escape(text).replace("_", Markup("_<wbr>"))


@functools.cache
def style_sheet() -> str:
    """Return the style sheet with the colours of light and dark mode."""
    day, night = (
        " ".join(f"--{colour.name}: {getattr(colour, light)};" for colour in COLOURS) for light in ("light", "dark")
    )
    lights = f":root {{ {day} }}\n@media screen and (prefers-color-scheme: dark) {{ :root {{ {night} }} }}\n"
    return lights + resources.files(PACKAGE).joinpath("templates", "page.css").read_text(encoding="utf-8")
