"""A report as one HTML file: no script, no request, readable on a phone, on paper and at night.

Belongs here: filling the template. Does not belong here: layout (`templates/`) and what a report holds.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Mapping
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from cjo_assets.reporting.document import Document
from cjo_assets.reporting.drawing import Drawing
from cjo_assets.reporting.palette import COLOURS, tone

LONGEST_ID = 10


def as_page(document: Document, drawings: Mapping[str, Drawing]) -> str:
    """Return a report as HTML; a picture that was not drawn is left out."""
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    template = _environment().get_template("page.html")
    # What the renderer drew is markup of ours, in which it has escaped every text; all else is escaped here.
    pictures = {
        name: {"wide": Markup(drawing.wide), "narrow": Markup(drawing.narrow)} for name, drawing in drawings.items()
    }
    return template.render(document=document, pictures=pictures, style=Markup(style), digest=digest)


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
