"""A report as one HTML file."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from cjo_assets.reporting.document import Document
from cjo_assets.reporting.drawing import Drawing
from cjo_assets.reporting.shell import filled


def as_page(document: Document, drawings: Mapping[str, Drawing]) -> str:
    """Return a report as HTML; a picture without a drawing is omitted."""
    # The renderer has escaped the text in its SVG; the template escapes everything else.
    pictures = {
        name: {"wide": Markup(drawing.wide), "narrow": Markup(drawing.narrow)} for name, drawing in drawings.items()
    }
    return filled("page.html", document=document, pictures=pictures)
