"""A report as one HTML file.

Belongs here: filling the template. Does not belong here: layout (`templates/`) and what a report holds.
"""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from cjo_assets.reporting.document import Document
from cjo_assets.reporting.drawing import Drawing
from cjo_assets.reporting.shell import filled


def as_page(document: Document, drawings: Mapping[str, Drawing]) -> str:
    """Return a report as HTML; a picture that was not drawn is left out."""
    # What the renderer drew is markup of ours, in which it has escaped every text; all else is escaped by the template.
    pictures = {
        name: {"wide": Markup(drawing.wide), "narrow": Markup(drawing.narrow)} for name, drawing in drawings.items()
    }
    return filled("page.html", document=document, pictures=pictures)
