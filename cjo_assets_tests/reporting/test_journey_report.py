"""The report of a day: every figure traced to a cell, strangers' text inert, an empty day told as it is.

The Markdown is read by a parser that knows tables and passes HTML through, as a browser would get it.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from cjo_assets.reporting.journey_report import JourneyFigures, journey_report
from cjo_assets.wiring.report import journey_figures
from cjo_assets_tests.conftest import Chain, write_rows
from cjo_assets_tests.tables import POLICY, Row, Rows

TWENTIETH = date(2025, 1, 20)
PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
Grid = list[dict[str, str]]
# What a report may be made of; anything else would be somebody else's markup.
BLOCKS = {"heading", "paragraph", "bullet_list", "list_item", "table", "thead", "tbody", "tr", "th", "td", "inline"}
INLINE = {"text", "strong", "code_inline", "softbreak", "text_special"}


class Reading:
    """A report as a reader sees it: the text of each section and its tables, by heading."""

    def __init__(self, markdown: str) -> None:
        """Read the Markdown."""
        self.prose: dict[str, list[str]] = {}
        self.grids: dict[str, list[Grid]] = {}
        self.markup: set[str] = set()
        tokens = PARSER.parse(markdown)
        heading, cells, header = "", [], []
        for place, token in enumerate(tokens):
            self.markup.add(re.sub("_(open|close)$", "", token.type))
            before = tokens[place - 1].type
            if token.type == "inline":
                children = token.children or []
                self.markup |= {re.sub("_(open|close)$", "", child.type) for child in children}
                text = "".join("\n" if child.type == "softbreak" else child.content for child in children)
                if before == "heading_open":
                    heading = text
                    self.prose[heading], self.grids[heading] = [], []
                elif before in ("th_open", "td_open"):
                    cells.append(text)
                else:
                    self.prose[heading].append(text)
            elif token.type == "tr_open":
                cells = []
            elif token.type == "thead_close":
                header = cells
                self.grids[heading].append([])
            elif token.type == "tr_close" and header and tokens[place + 1].type != "thead_close":
                self.grids[heading][-1].append(dict(zip(header, cells, strict=True)))
            elif token.type == "table_close":
                header = []


def agrees(text: str, cell: Any, decimals: int) -> bool:
    """Tell whether a text shows a cell, numbers to so many decimals."""
    if cell is None or cell == []:
        return text == "n/a"
    if isinstance(cell, float):
        gap = abs(float(text.replace(",", "")) - cell)
        return bool(gap <= 0.5 * 10**-decimals + 1e-9)
    if isinstance(cell, int):
        return text == f"{cell:,}"
    return text == (", ".join(cell) if isinstance(cell, list) else str(cell))


def assert_traced(grid: Grid, rows: Rows, columns: dict[str, tuple[str, int]]) -> None:
    """Hold every cell of a grid of the report to the cell of a table it shows."""
    assert len(grid) == len(rows) > 0
    for found, row in zip(grid, rows, strict=True):
        assert found.keys() == columns.keys()
        for header, (name, decimals) in columns.items():
            assert agrees(found[header], row[name], decimals), (header, found[header], row[name])


def same(*names: str) -> dict[str, tuple[str, int]]:
    """Return columns that the report names as the table does."""
    return {name: (name, 3) for name in names}


DECISIONS = {
    "customer": ("customer_id", 0),
    "action": ("recommended_action", 0),
    "priority": ("priority_score", 1),
    "risk": ("risk_score", 3),
    "confidence": ("confidence", 3),
    "signals": ("triggered_by_signals", 0),
    "needs approval": ("shown_approval", 0),
    "cost": ("expected_cost", 2),
    "value": ("expected_value", 2),
}
GAPS = {
    "customer": ("customer_id", 0),
    "stage": ("journey_stage", 0),
    "tier": ("risk_tier", 0),
    "health": ("stage_health", 0),
    "risk": ("overall_risk_score", 3),
    "account value": ("account_value", 2),
    "reason": ("reason", 0),
}
ROI = same("kind", "component", "formula", "assumption") | {
    "amount": ("amount", 2),
    "evidence": ("evidence_grade", 0),
}


@pytest.fixture(scope="module")
def sample(sample_day: Callable[[date], Chain]) -> Chain:
    """The sample at its latest day."""
    return sample_day(TWENTIETH)


@pytest.fixture(scope="module")
def figures(sample: Chain) -> JourneyFigures:
    """What the report of that day shows."""
    return journey_figures(sample.store, TWENTIETH, POLICY)


def test_every_figure_of_the_sample_is_a_cell_of_a_table(sample: Chain, figures: JourneyFigures) -> None:
    reading = Reading(journey_report(figures))

    def of_day(table: str, order: str) -> Rows:
        return sample.rows(f"SELECT * FROM journey.{table} WHERE as_of = ? ORDER BY {order}", TWENTIETH)

    decisions = of_day("recommended_interventions", "priority_score DESC, customer_id")
    for row in decisions:
        row["shown_approval"] = row["approval_reasons"] if row["requires_human_approval"] else "no"
    assert_traced(reading.grids["What to do"][0], decisions, DECISIONS)
    gaps = of_day("coverage_gaps", "overall_risk_score DESC, customer_id")
    assert_traced(reading.grids["Customers without an answer"][0], gaps, GAPS)
    assert_traced(
        reading.grids["KPIs"][0],
        of_day("kpis", "family, kpi"),
        same("family", "kpi", "value", "unit", "target", "status", "basis", "n", "note"),
    )
    assert_traced(reading.grids["Cost and value"][0], of_day("roi_breakdown", "kind, component"), ROI)
    loads, rejections = reading.grids["What the data are worth"]
    assert_traced(
        loads,
        sample.rows("FROM audit.dataset_loads ORDER BY dataset"),
        same("dataset", "source_file", "rows_read", "rows_accepted", "rows_rejected", "note"),
    )
    # The one row of the sample that is turned away: the signal of a customer nobody knows.
    [turned_away] = sample.rows("FROM quarantine.signals")
    [rule] = turned_away["broken_rules"]
    assert rejections == [{"dataset": "signals", "rule": rule, "rows": "1", "example": turned_away["record_key"]}]

    [day], [roi] = of_day("journey_summary", "as_of"), of_day("roi_estimate", "as_of")
    families = ", ".join(f"{row['family']}: {row['status']}" for row in of_day("kpi_status", "family"))
    assert reading.prose["Customer journey on 2025-01-20"] == [
        f"{day['total_customers_analyzed']} customers, {day['customers_at_risk']} at risk "
        f"({day['customers_high_risk']} high, {day['customers_medium_risk']} medium).",
        f"{day['customers_recommended']} decisions today, {day['interventions_pending']} waiting for approval, "
        f"{day['customers_without_answer']} customers without an answer.",
        f"Value {roi['total_value']:,.2f}, cost {roi['total_cost']:,.2f}, net {roi['net_benefit']:,.2f} "
        f"from {roi['window_start']} to {roi['window_end']}; weakest evidence: {roi['evidence_grade']}.",
        f"{families}.",
    ]
    assert reading.prose["Cost and value"] == [
        f"Net benefit {roi['net_benefit']:,.2f} ({roi['roi_percent']:.1f} % of cost) over "
        f"{roi['interventions_executed']} executed interventions."
    ]
    assert reading.prose["How these figures came about"] == [
        f"Every figure is a cell of a table in cjo.duckdb with as_of = {TWENTIETH}, or a count of rows in quarantine. "
        f"Policy version {POLICY.version}, hash {POLICY.policy_hash}; its text is in audit.policies."
    ]
    # Beyond these there is no text, and so no figure.
    assert [
        text for section in ("What to do", "KPIs", "What the data are worth") for text in reading.prose[section]
    ] == []
    assert reading.prose["Customers without an answer"] == []
    assert [len(grids) for grids in reading.grids.values()] == [0, 1, 1, 1, 1, 2, 0]


HOSTILE = [
    "<script>alert(1)</script>",
    "</td></tr></table><h1>x</h1>",
    "<img src=x onerror=alert(1)>",
    "<!-- hidden -->",
    "a|b||c",
    "\\|",
    "\\",
    "[x](http://e)",
    "![x](http://e/i.png)",
    "[x]: http://e",
    "<http://e.example>",
    "=cmd()",
    "@SUM(1+1)",
    "`code`",
    "**bold** __bold__ *it* _it_ ~~gone~~",
    "# heading",
    "- item",
    "1. item",
    "> quote",
    "---",
    "&lt;b&gt; &amp; &#60;",
    "\\<b\\>",
    "{{ template }} ${x} $(x)",
]


def planted(rows: Rows, names: tuple[str, ...], text: str) -> Rows:
    """Return the first row with a stranger's text in the cells named, or in the lists there."""
    return [rows[0] | {name: [text] if isinstance(rows[0][name], list) else text for name in names}]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_strangers_is_text(figures: JourneyFigures, text: str) -> None:
    hostile = replace(
        figures,
        decisions=planted(
            figures.decisions, ("customer_id", "recommended_action", "triggered_by_signals", "approval_reasons"), text
        ),
        gaps=planted(figures.gaps, ("customer_id", "journey_stage", "reason"), text),
        kpis=planted(figures.kpis, ("kpi", "unit", "note"), text),
        roi_parts=planted(figures.roi_parts, ("component", "formula", "assumption"), text),
        loads=planted(figures.loads, ("dataset", "source_file", "note"), text),
        rejections=planted(figures.rejections, ("rule", "example"), text),
        policy_version=text,
    )
    reading = Reading(journey_report(hostile))
    assert reading.markup <= BLOCKS | INLINE
    [decision] = reading.grids["What to do"][0]
    assert [decision[name] for name in ("customer", "action", "signals", "needs approval")] == [text] * 4
    [gap] = reading.grids["Customers without an answer"][0]
    assert [gap[name] for name in ("customer", "stage", "reason")] == [text] * 3
    [kpi] = reading.grids["KPIs"][0]
    assert [kpi[name] for name in ("kpi", "unit", "note")] == [text] * 3
    [part] = reading.grids["Cost and value"][0]
    assert [part[name] for name in ("component", "formula", "assumption")] == [text] * 3
    [[load], [rejection]] = reading.grids["What the data are worth"]
    assert [load[name] for name in ("dataset", "source_file", "note")] == [text] * 3
    assert [rejection[name] for name in ("rule", "example")] == [text] * 2
    assert f"Policy version {text}, hash" in reading.prose["How these figures came about"][0]


def test_long_lists_say_how_long_they_are(figures: JourneyFigures) -> None:
    cut = replace(
        figures,
        decisions=figures.decisions[:2],
        gaps=figures.gaps[:1],
        summary=figures.summary | {"customers_recommended": 1234, "customers_without_answer": 5},
    )
    reading = Reading(journey_report(cut))
    assert reading.prose["What to do"] == ["2 of 1,234; all of them in journey.recommended_interventions."]
    assert reading.prose["Customers without an answer"] == ["1 of 5; all of them in journey.coverage_gaps."]


def test_what_is_missing_is_said(figures: JourneyFigures) -> None:
    empty = replace(figures, decisions=[], gaps=[], kpis=[], kpi_status=[], rejections=[])
    reading = Reading(journey_report(empty))
    assert reading.prose["What to do"] == ["No decision was made."]
    assert reading.prose["Customers without an answer"] == ["None: every customer at risk has a decision."]
    assert reading.prose["KPIs"] == ["The policy has switched KPI tracking off."]
    assert reading.prose["What the data are worth"] == ["No row was turned away."]
    assert reading.prose["Customer journey on 2025-01-20"][-1] == "KPIs are off by policy."


CUSTOMER = "C1|<script>"
PLAYBOOK: Row = {
    "playbook_id": "P1",
    "name": "=cmd()",
    "journey_stage": "support",
    "eligible_segments": ["All"],
    "trigger_signals": [],
    "risk_threshold": 0.9,
    "default_actions": ["call"],
    "approval_required": False,
    "avg_cost_estimate": 10,
    "expected_value_range": [1, 2],
    "fallback_playbook_id": None,
    "created_at": "2024-01-01",
    "status": "active",
}


def test_a_day_of_one_customer_and_nothing_else_is_told_as_it_is(
    tmp_path: Path, chain_of: Callable[..., Chain]
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    write_rows(
        data,
        "customers",
        [{"customer_id": CUSTOMER, "segment": "SMB", "account_value": 100, "tenure_months": 9, "risk_tier": None}],
    )
    entry = {"customer_id": CUSTOMER, "journey_stage": "support", "state_entered_at": "2025-01-10"}
    write_rows(data, "journey_state_log", [entry | {"days_in_state": 10, "previous_stage": "engagement"}])
    write_rows(data, "playbooks", [PLAYBOOK])
    chain = chain_of(data, TWENTIETH)
    markdown = journey_report(journey_figures(chain.store, TWENTIETH, POLICY))
    reading = Reading(markdown)
    assert reading.markup <= BLOCKS | INLINE
    assert "on_track" not in "".join([*reading.prose["Customer journey on 2025-01-20"], *reading.prose["KPIs"]])
    assert not re.search(r"on\\?_track", markdown)
    verdict = reading.prose["Customer journey on 2025-01-20"]
    # Ten days of support, critical beyond 7.5: the one customer is not at risk by tier, and has no answer.
    assert verdict[0] == "1 customers, 0 at risk (0 high, 0 medium)."
    assert verdict[1] == "0 decisions today, 0 waiting for approval, 1 customers without an answer."
    assert verdict[2].startswith("Value 0.00, cost 500.00, net -500.00 from 2024-12-22 to 2025-01-20;")
    # Of the data alone something can be said: they are complete.
    assert verdict[3] == "business_value: not_measurable, journey_impact: not_measurable, operational_health: exceeded."
    measured = {row["kpi"]: row["value"] for row in reading.grids["KPIs"][0] if row["value"] != "n/a"}
    assert measured == {"data_completeness_rate": "1"}
    assert reading.prose["What to do"] == ["No decision was made."]
    [gap] = reading.grids["Customers without an answer"][0]
    assert (gap["customer"], gap["health"], gap["reason"]) == (CUSTOMER, "critical", "risk_below_threshold")
    notes = {row["dataset"]: (row["rows_read"], row["note"]) for row in reading.grids["What the data are worth"][0]}
    for name in ("signals", "interventions", "outcomes", "approval_decisions"):
        assert notes[name][0] == "0"
        assert notes[name][1] != "n/a", "what is absent is said, never silently"
