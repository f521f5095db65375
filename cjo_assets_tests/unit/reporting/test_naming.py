"""Cells as people read them: labels, names before ids, dates and sentences of the rules."""

from datetime import date, datetime

from cjo_assets.policy.labels import LabelsPolicy
from cjo_assets.reporting.document import Column, Record, grid
from cjo_assets.reporting.naming import NameSource, Naming, labelled_by, page_naming
from cjo_assets.reporting.text import STYLES
from cjo_assets_tests.support.reports import plain

LABELS = LabelsPolicy(
    currency="USD",
    words={"scale_variant": "to scale", "continue": "go on"},
    columns={"verdict": {"continue": "running"}},
)
NAMING = Naming(
    LABELS,
    2026,
    {"campaign_id": NameSource("marketing.campaigns", "campaign_id")},
    {"campaign_id": {"CAMP_001": "Spring launch"}, "campaign_ids": {"CAMP_001": "Spring launch"}},
)


def record(**row: object) -> Record:
    """Return a row of a table with these names and labels."""
    return Record("marketing.t", ("experiment_id",), {"experiment_id": "E1"} | row, NAMING)


def test_a_word_has_the_label_of_its_column_before_the_general_one() -> None:
    row = record(
        verdict="continue", state="continue", rule="scale_variant", other="not_listed", words=["continue", "x_y"]
    )
    shown = {name: row.show(name, "words").text for name in ("verdict", "state", "rule", "other")}
    assert shown == {"verdict": "running", "state": "go on", "rule": "to scale", "other": "not listed"}
    assert row.show("words", "names").text == "go on, x y"
    assert Record("t", (), {"state": "scale_variant"}).show("state", "words").text == "scale variant"
    assert [entry.text for entry in row.each("words", "words")] == ["go on", "x y"]


def test_pages_have_the_labels_of_the_home_that_they_show() -> None:
    assert page_naming().label("verdict", "scale_variant") == "to scale"
    with labelled_by(LABELS):
        assert page_naming().label("verdict", "continue") == "running"
    assert page_naming().label("verdict", "continue") == "still running"


def test_what_is_missing_is_no_word() -> None:
    row = record(verdict=None, words=[])
    assert (row.show("verdict", "words").text, row.show("words", "names").text) == ("n/a", "none")


def test_a_name_comes_from_its_own_cell_and_the_id_is_small_print() -> None:
    named = record(campaign_id="CAMP_001").show("campaign_id", "name")
    assert (named.text, named.source) == ("Spring launch", "marketing.campaigns/campaign_id=CAMP_001/name")
    column = Column("campaign", "campaign_id", "name", below=(("", "campaign_id", "plain"),))
    rows = [record(campaign_id="CAMP_001"), record(campaign_id="CAMP_009")]
    cells = [row[0] for row in grid("", [column], rows).rows]
    assert [(cell.main.text, plain(cell.below)) for cell in cells] == [
        ("Spring launch", "CAMP_001"),
        ("CAMP_009", ""),
    ]
    assert record(campaign_ids=["CAMP_001", "CAMP_009"]).show("campaign_ids", "name").text == "Spring launch, CAMP_009"


def test_instants_leave_out_the_year_of_the_report() -> None:
    row = record(at=datetime(2026, 3, 22, 7, 30), before=datetime(2025, 12, 1), on=date(2026, 3, 2))
    assert [row.show(name, "instant").text for name in ("at", "before")] == ["22 Mar 07:30", "1 Dec 2025 00:00"]
    days = [row.show("on", style).text for style in ("day", "plain", "month")]
    assert days == ["2 Mar 2026", "2 Mar 2026", "Mar 2026"]


def test_sentences_of_the_rules_have_words_and_dates() -> None:
    prose = STYLES["prose"]
    assert prose("friction_rate 1.0 is above 0.6") == "friction rate 1.0 is above 0.6"
    assert prose("2024-12-23 was not run; 2024-13-45 is no day") == "23 Dec 2024 was not run; 2024-13-45 is no day"
    assert prose("CAMP_001 and PB_ENG_003 keep their ids") == "CAMP_001 and PB_ENG_003 keep their ids"
    assert prose(None) == "n/a"


def test_a_lift_beyond_tenfold_is_a_bound() -> None:
    shown = [STYLES["lift"](value) for value in (None, 0.2, 10.0, 241.264)]
    assert shown == ["n/a", "20 %", "1,000 %", "above 1,000 %"]
