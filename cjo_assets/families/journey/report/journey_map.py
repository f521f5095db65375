"""Journey map: stages as cards, moves between them as arcs, laid out in pixels.

On a wide page the journey runs from left to right, with moves onward above and moves back below; on a phone it runs
downward, with moves onward to the right.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import altair as alt

from cjo_assets.reporting.chart_style import HALO, PHONE_PIXELS, Data
from cjo_assets.reporting.palette import BAD, CARD, INK, LINE, MUTED, SOFT

Rows = list[dict[str, Any]]

ARC_POINTS = 28
# A card, where the journey runs downward or across, and what is free on both sides of it for arcs.
CARD_HEIGHT, CARD_WIDTH = 66, 124
DOWNWARD_GAP, ACROSS_GAP = 26, 12
ARC_ROOM = 116
ABOVE_TIP, BELOW_TIP = 22, 10
LONG_BOW, EARLY = 2, 0.4
NEAREST, THINNEST, THICKEST = 26, 1.5, 11
USUAL, AGAINST = "allowed", "against the rules"
KINDS = {USUAL: SOFT, AGAINST: BAD}


@dataclass(frozen=True)
class Layout:
    """Positions of cards and arcs.

    Attributes:
        is_downward: the journey runs downward.
        card: extent of a card along the journey.
        half: half the extent of a card across it.
        step: distance of two stages.
        middle: position of the cards across the journey.
        room: how far arcs may reach beyond the cards.
    """

    is_downward: bool
    card: float
    half: float
    step: float
    middle: float
    room: float

    @classmethod
    def of(cls, width: int, stages: int) -> Layout:
        """Return the layout for so many stages on a page of some width."""
        if width < PHONE_PIXELS:
            room = (width - CARD_WIDTH) / 2
            return cls(True, CARD_HEIGHT, CARD_WIDTH / 2, CARD_HEIGHT + DOWNWARD_GAP, width / 2, room - 10)
        step = width / max(stages, 1)
        return cls(False, step - ACROSS_GAP, CARD_HEIGHT / 2, step, ARC_ROOM + CARD_HEIGHT / 2, ARC_ROOM - 18)

    def centre(self, place: float) -> float:
        """Return the middle of a card along the journey."""
        return self.step * (place + 0.5)

    def point(self, along: float, across: float) -> dict[str, float]:
        """Return a place on the page."""
        return {"x": across, "y": along} if self.is_downward else {"x": along, "y": across}


def journey_map(data: Data, width: int) -> tuple[alt.LayerChart | alt.FacetChart, int, dict[str, Rows]]:
    """Return the map, its height and its rows.

    Args:
        data: `stages` in their order (stage, colour, lines of text) and `flows` between them.
        width: of the page [pixels].
    """
    stages = data["stages"]
    layout = Layout.of(width, len(stages))
    arcs, tips = _arcs(data["flows"], {row["stage"]: place for place, row in enumerate(stages)}, layout)
    cards, texts = _cards(stages, layout)
    # What is free above the highest bow and below the lowest one is cut off.
    top = min([card["y"] for card in cards] + [tip["y"] - ABOVE_TIP for tip in tips])
    bottom = max([card["y2"] for card in cards] + [tip["y"] + BELOW_TIP for tip in tips])
    height = round(bottom - top) + 4
    x = alt.X("x:Q", scale=alt.Scale(domain=[0, width], nice=False), axis=None)
    y = alt.Y("y:Q", scale=alt.Scale(domain=[top + height - 2, top - 2], nice=False), axis=None)
    colours = alt.Scale(domain=list(KINDS), range=[colour.light for colour in KINDS.values()])
    colour = alt.Color("kind:N", scale=colours, legend=None)
    layers = [
        _of("arcs")
        .mark_line(opacity=0.85, strokeCap="butt")
        .encode(x, y, alt.Detail("flow:N"), alt.Order("point:Q"), alt.Size("width:Q", scale=None, legend=None), colour),
        _of("tips")
        .mark_point(shape="triangle", filled=True, size=90, opacity=1, color=INK.light)
        .encode(x, y, alt.Angle("turn:Q", scale=None)),
        *(
            _of("tips").mark_text(fontSize=12, fontWeight="bold", dy=-14, **ground).encode(x, y, alt.Text("label:N"))
            for ground in (HALO, {"color": INK.light})
        ),
        _of("cards")
        .mark_rect(cornerRadius=6, fill=CARD.light, stroke=LINE.light, strokeWidth=1.5, opacity=1)
        .encode(x, y, alt.X2("x2:Q"), alt.Y2("y2:Q")),
        _of("cards")
        .mark_rect(opacity=1)
        .encode(alt.X("x:Q"), alt.Y("foot:Q"), alt.X2("x2:Q"), alt.Y2("y2:Q"), alt.Color("colour:N", scale=None)),
        _of("names").mark_text(fontSize=12, fontWeight="bold", color=INK.light).encode(x, y, alt.Text("text:N")),
        _of("texts").mark_text(fontSize=11, color=MUTED.light).encode(x, y, alt.Text("text:N")),
    ]
    rows = {"arcs": arcs, "tips": tips, "cards": cards, "names": texts[:: len(LINES)]}
    rows["texts"] = [row for row in texts if row not in rows["names"]]
    return alt.layer(*layers), height, rows


LINES = ("title", "volume", "friction")


def _of(name: str) -> alt.Chart:
    return alt.Chart(alt.NamedData(name))


def _arcs(flows: Rows, place: dict[str, int], layout: Layout) -> tuple[Rows, Rows]:
    """Return the points of every arc, and for each an arrow with its figure at the far end of the bow."""
    longest = max((abs(place[flow["to"]] - place[flow["from"]]) for flow in flows), default=1)
    most = max((flow["customers"] for flow in flows), default=1)
    arcs: Rows = []
    tips: Rows = []
    for number, flow in enumerate(flows):
        start, end = place[flow["from"]], place[flow["to"]]
        is_onward = end > start
        # Who leaves and who arrives use different parts of a card's edge.
        lean = layout.card / 6 * (1 if is_onward else -1)
        first, last = layout.centre(start) + lean, layout.centre(end) - lean
        reach = NEAREST + (layout.room - NEAREST) * (abs(end - start) - 1) / max(longest - 1, 1)
        side = (1 if layout.is_downward else -1) * (1 if is_onward else -1)
        edge = layout.middle + side * layout.half
        kind = AGAINST if flow["is_invalid"] else USUAL
        for point in range(ARC_POINTS + 1):
            angle = math.pi * point / ARC_POINTS
            along = (first + last) / 2 - (last - first) / 2 * math.cos(angle)
            spot = layout.point(along, edge + side * reach * math.sin(angle))
            thickness = THINNEST + (THICKEST - THINNEST) * math.sqrt(flow["customers"] / most)
            arcs.append(spot | {"flow": number, "point": point, "width": thickness, "kind": kind})
        turn = (180 if is_onward else 0) if layout.is_downward else (90 if is_onward else 270)
        # On a phone the figures of long arcs would overlap those of short ones, so they are near the start.
        angle = math.pi * (EARLY if layout.is_downward and abs(end - start) > LONG_BOW else 0.5)
        along = (first + last) / 2 - (last - first) / 2 * math.cos(angle)
        tips.append(layout.point(along, edge + side * reach * math.sin(angle)) | {"turn": turn, "label": flow["label"]})
    return arcs, tips


def _cards(stages: Rows, layout: Layout) -> tuple[Rows, Rows]:
    """Return the card of each stage, whose foot has the colour of its status, and its lines of text."""
    cards: Rows = []
    texts: Rows = []
    for place, stage in enumerate(stages):
        start = layout.point(layout.centre(place) - layout.card / 2, layout.middle - layout.half)
        end = layout.point(layout.centre(place) + layout.card / 2, layout.middle + layout.half)
        cards.append(start | {"x2": end["x"], "y2": end["y"], "foot": end["y"] - 5, "colour": stage["colour"]})
        middle = (start["x"] + end["x"]) / 2
        texts += [
            {"x": middle, "y": start["y"] + 15 + 17 * line, "text": stage[name]} for line, name in enumerate(LINES)
        ]
    return cards, texts
