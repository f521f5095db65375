"""Colours of reports in light and dark mode, and the colour of each status.

Text has a contrast of 4.5 to its ground and shapes of 3, in both modes. No information is carried by colour alone:
every status has its word and its shape.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Colour:
    """A colour by its use, with its name in the style sheet."""

    name: str
    light: str
    dark: str

    @property
    def variable(self) -> str:
        """Its variable in a style sheet."""
        return f"var(--{self.name})"


INK = Colour("ink", "#1b2430", "#e7ebf0")
MUTED = Colour("muted", "#566272", "#a4afbc")
LINE = Colour("line", "#d8dee6", "#343e4a")
GROUND = Colour("ground", "#f7f8fa", "#11161c")
CARD = Colour("card", "#fefefe", "#1a2129")
ACCENT = Colour("accent", "#1d5fa6", "#7db4f0")
SOFT = Colour("soft", "#6494cc", "#4f7bb0")
GOOD = Colour("good", "#16805f", "#56c3a0")
WARNING = Colour("warning", "#bf7200", "#e9a53f")
BAD = Colour("bad", "#b5302a", "#f28b82")
UNKNOWN = Colour("unknown", "#7f8b99", "#8995a3")
VIOLET = Colour("violet", "#6f5aa8", "#b3a1e6")
COLOURS = (INK, MUTED, LINE, GROUND, CARD, ACCENT, SOFT, GOOD, WARNING, BAD, UNKNOWN, VIOLET)

NET, COST = "net benefit", "cost"
# Bars of a waterfall: values by their evidence grade, costs, and what remains.
GRADES = {
    "randomised": ACCENT,
    "matched": GOOD,
    "before_after": VIOLET,
    "measured": SOFT,
    "assumption": UNKNOWN,
    COST: BAD,
    NET: INK,
}
# The verdict of a report by its colour.
LIGHTS = {GOOD: "GREEN", WARNING: "AMBER", BAD: "RED", UNKNOWN: "NOT KNOWN"}

_TONES = {
    GOOD: (
        *("exceeded", "on_track", "on_target", "green", "healthy", "promote", "low", "approved", "positive"),
        *("exceeding_expectations", "meeting_expectations", "on_pace", "scale_variant", "scale", "within_tolerance"),
        *("spent", "better_than_control"),
    ),
    WARNING: (
        *("at_risk", "yellow", "review", "medium", "pending", "ahead", "behind", "revise", "beyond_tolerance"),
        *("exceeds", "disagrees", "unproven", "under_spent", "needs_attention", "near", "waiting"),
    ),
    BAD: (
        *("critical", "red", "retire", "high", "above_target", "negative", "below_expectations", "stop", "invalid"),
        *("not_approved", "overdue", "over_spent", "over", "breached", "late", "worse_than_control"),
    ),
}
_TONE_OF = {word: colour for colour, words in _TONES.items() for word in words}


def tone(word: object) -> str:
    """Return the name of the colour of a status; a word without a colour counts as unknown."""
    return _TONE_OF.get(str(word), UNKNOWN).name


def traffic_light(word: object) -> str:
    """Return the verdict that a status is: GREEN, AMBER, RED or NOT KNOWN."""
    return LIGHTS[_TONE_OF.get(str(word), UNKNOWN)]


def light(word: object) -> str:
    """Return the colour of a status in light mode, for a chart."""
    return _TONE_OF.get(str(word), UNKNOWN).light
