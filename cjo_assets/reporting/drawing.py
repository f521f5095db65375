"""Charts rendered to SVG and PNG, without a browser or a network."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import vl_convert
from altair.utils.schemapi import debug_mode

from cjo_assets.reporting.document import Chart, Picture
from cjo_assets.reporting.palette import COLOURS
from cjo_assets.reporting.text import visible

WIDE, NARROW = 680, 320
PNG_SCALE = 1.5


@dataclass(frozen=True)
class Drawing:
    """A rendered picture.

    Attributes:
        svg: SVG as a file of its own, on white.
        png: the same as pixels.
        wide: SVG for the page, with the page's colours.
        narrow: the same for a phone.
    """

    svg: str
    png: bytes
    wide: str
    narrow: str


def draw(picture: Picture, charts: Mapping[str, Chart]) -> Drawing:
    """Return a picture as SVG and PNG.

    Args:
        picture: a picture of a report.
        charts: the charts of the report by name; one has the name of the picture.
    """
    wide, narrow = (_svg(picture, charts[picture.name], width) for width in (WIDE, NARROW))
    grounded = re.sub(r"(<svg[^>]*>)", r'\1<rect width="100%" height="100%" fill="#ffffff"/>', wide, count=1)
    return Drawing(grounded, vl_convert.svg_to_png(grounded, scale=PNG_SCALE), _inline(wide), _inline(narrow))


def on_page(picture: Picture, charts: Mapping[str, Chart]) -> tuple[str, str]:
    """Return a picture as SVG with the colours of the page, wide and for a phone."""
    wide, narrow = (_inline(_svg(picture, charts[picture.name], width)) for width in (WIDE, NARROW))
    return wide, narrow


def _svg(picture: Picture, chart: Chart, width: int) -> str:
    # Validating each part of a chart against the schema of Vega-Lite takes longer than drawing it; a test validates.
    with debug_mode(False):
        specification = chart(picture.data, width)
    return visible(vl_convert.vegalite_to_svg(specification))


def _inline(svg: str) -> str:
    """Return an SVG whose colours are the page's and whose width is that of its container."""
    for colour in COLOURS:
        svg = svg.replace(f'"{colour.light}"', f'"{colour.variable}"')
    return re.sub(r' (xmlns(:xlink)?|version|class|style|aria-[a-z]+|role)="[^"]*"', "", svg)
