"""Pages as HTML: templates in the style of reports, with links from each figure to its rows."""

from __future__ import annotations

import functools
from typing import Any

from jinja2 import Environment

from cjo_assets.reporting.naming import page_naming
from cjo_assets.reporting.shell import environment, style_sheet
from cjo_assets.reporting.text import visible, words

PACKAGE = "cjo_assets.explorer"
STYLE = "explorer.css"


def rendered(template: str, **content: Any) -> str:
    """Render a template; text is escaped unless it is `Markup`."""
    return visible(_templates().get_template(template).render(**content))


def style() -> str:
    """Return the style sheet of all pages."""
    return style_sheet() + _templates().get_template(STYLE).render()


@functools.cache
def _templates() -> Environment:
    found = environment(PACKAGE)
    found.filters["words"] = words
    found.filters["label"] = lambda value, column: page_naming().text(column, value, "words")
    return found
