"""Charts as files: SVG for the page and for reuse, PNG where SVG is not welcome.

Belongs here: rendering, without a browser or a network. Does not belong here: what a chart shows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import vl_convert
from altair.utils.schemapi import debug_mode

from cjo_assets.families.journey.report.charts import CHARTS
from cjo_assets.families.marketing.report.charts import MARKETING_CHARTS
from cjo_assets.reporting.document import Picture
from cjo_assets.reporting.palette import COLOURS
from cjo_assets.reporting.text import visible

WIDE, NARROW = 680, 320
PNG_SCALE = 1.5


@dataclass(frozen=True)
class Drawing:
    """A picture, drawn.

    Attributes:
        svg: a file of its own, on a white ground.
        png: the same as pixels.
        wide: SVG for the page, in the page's colours.
        narrow: the same for a phone.
    """

    svg: str
    png: bytes
    wide: str
    narrow: str


def draw(picture: Picture) -> Drawing:
    """Return a picture as SVG and PNG."""
    wide, narrow = (_svg(picture, width) for width in (WIDE, NARROW))
    grounded = re.sub(r"(<svg[^>]*>)", r'\1<rect width="100%" height="100%" fill="#ffffff"/>', wide, count=1)
    return Drawing(grounded, vl_convert.svg_to_png(grounded, scale=PNG_SCALE), _inline(wide), _inline(narrow))


def _svg(picture: Picture, width: int) -> str:
    # Judging each part of a chart by the schema of Vega-Lite would take longer than drawing it; a test does.
    with debug_mode(False):
        specification = (CHARTS | MARKETING_CHARTS)[picture.name](picture.data, width)
    return visible(vl_convert.vegalite_to_svg(specification))


def _inline(svg: str) -> str:
    """Return an SVG that takes its colours from the page and its width from its place."""
    for colour in COLOURS:
        svg = svg.replace(f'"{colour.light}"', f'"{colour.variable}"')
    return re.sub(r' (xmlns(:xlink)?|version|class|style|aria-[a-z]+|role)="[^"]*"', "", svg)
