"""Erasing a person from text: by field where there are fields, and no figure is touched."""

import json

import pytest

from cjo_assets.audit.erasure.texts import json_without, markdown_without, without
from cjo_assets.core.person import Person
from cjo_assets.families.journey.report.actions import STEPS

# Customer 5 with intervention 4 and signals 5 and 12; customers 4 and 6 with interventions 5 and 3 are others.
FIVE = Person(
    "5",
    {
        "customer": frozenset(["5"]),
        "intervention": frozenset(["4"]),
        "signal": frozenset(["5", "12"]),
        "outcome": frozenset(["4"]),
    },
)
FILLE = Person("D'Arc & Fille", {"customer": frozenset(["D'Arc & Fille"])})


def cell(source: str, text: str, style: str = "plain") -> str:
    """Return a figure as a page shows it."""
    return f'<span data-source="{source}" data-style="{style}">{text}</span>'


def test_a_page_loses_the_customer_and_keeps_every_figure() -> None:
    gap, other = "journey.coverage_gaps/customer_id=5", "journey.coverage_gaps/customer_id=4"
    decided = "journey.recommended_interventions/intervention_id=4"
    steps = "journey.next_steps/rank=5"
    page = "\n".join(
        [
            cell(f"{gap}/customer_id", "5") + cell(f"{gap}/account_value", "4,256.82", "money"),
            cell(f"{other}/customer_id", "4") + cell(f"{other}/account_value", "5", "money"),
            cell(f"{decided}/customer_id", "5") + cell(f"{decided}/triggered_by_signals", "5, 12, 120"),
            cell(f"{steps}/subject", "5") + cell(f"{steps}/reference_table", "coverage_<wbr>gaps"),
            cell(f"{steps}/reference", "5") + cell(f"{steps}/revenue_at_risk", "5"),
            cell("journey.next_steps/rank=6/subject", "5") + cell("journey.next_steps/rank=6/reference_table", "kpis"),
            cell("journey.next_steps/rank=7/why", "for example of customer 5, in 5 of 10 rows"),
            cell("journey.kpis/kpi=x/value", "0.5") + "<p>5 of 10; 12.5 %</p>",
        ]
    )
    erased = "journey.coverage_gaps/customer_id=erased"
    assert without(page, ".html", FIVE).split("\n") == [
        cell(f"{erased}/customer_id", "erased") + cell(f"{erased}/account_value", "4,256.82", "money"),
        cell(f"{other}/customer_id", "4") + cell(f"{other}/account_value", "5", "money"),
        cell("journey.recommended_interventions/intervention_id=erased/customer_id", "erased")
        + cell("journey.recommended_interventions/intervention_id=erased/triggered_by_signals", "erased, erased, 120"),
        cell(f"{steps}/subject", "erased") + cell(f"{steps}/reference_table", "coverage_<wbr>gaps"),
        cell(f"{steps}/reference", "erased") + cell(f"{steps}/revenue_at_risk", "5"),
        cell("journey.next_steps/rank=6/subject", "5") + cell("journey.next_steps/rank=6/reference_table", "kpis"),
        cell("journey.next_steps/rank=7/why", "for example of customer erased, in 5 of 10 rows"),
        cell("journey.kpis/kpi=x/value", "0.5") + "<p>5 of 10; 12.5 %</p>",
    ]


def test_a_page_loses_an_escaped_name_and_its_key() -> None:
    gap = "journey.coverage_gaps/customer_id=D%27Arc%20%26%20Fille"
    page = cell(f"{gap}/customer_id", "D&#39;Arc &amp; Fille") + "<p>D&#39;Arc &amp; Fils</p>"
    erased = cell("journey.coverage_gaps/customer_id=erased/customer_id", "erased")
    assert without(page, ".html", FILLE) == erased + "<p>D&#39;Arc &amp; Fils</p>"


def test_a_page_of_policy_differences_loses_the_customer() -> None:
    row = '<tr>{day}<td>{name}, SMB</td><td class="number">5</td><td>5, 10</td></tr>'
    values = "<tr><td><code>x</code></td><td>5, 10</td><td>5</td></tr><tr><td>before</td><td>5</td></tr>"
    for day in ("", "<td>2025-01-05</td>"):
        page = values + row.format(day=day, name="5") + row.format(day=day, name="4")
        expected = values + row.format(day=day, name="erased") + row.format(day=day, name="4")
        assert without(page, ".html", FIVE) == expected


def test_the_table_of_a_report_loses_cells_of_the_customer_alone() -> None:
    header = f"| {' | '.join(column.title or 'no.' for column in STEPS)} |"
    rule = f"|{'---|' * len(STEPS)}"
    rows = [
        "| 5 | close gap (csm) | 5 (SMB) | no answer | 4,256.82 | coverage\\_gaps (5) |",
        "| 6 | decide (csm) | 4 (SMB) | waits | 5 | approval\\_requests (5) |",
        "| 7 | decide (csm) | 5 (SMB) | waits | 12.5 | approval\\_requests (4) |",
        "| 8 | mend kpi (csm) | 5 | 5 of 10 | n/a | kpis (5) |",
    ]
    found = markdown_without("\n".join([header, rule, *rows, "", "5 of 10"]), FIVE).split("\n")
    assert found == [
        header,
        rule,
        "| 5 | close gap (csm) | erased (SMB) | no answer | 4,256.82 | coverage\\_gaps (erased) |",
        rows[1],
        "| 7 | decide (csm) | erased (SMB) | waits | 12.5 | approval\\_requests (erased) |",
        rows[3],
        "",
        "5 of 10",
    ]


def test_a_preview_loses_the_rows_of_the_customer_alone() -> None:
    preview = "\n".join(
        [
            "| intervention_id | customer_id | cost | triggered_by_signals |",
            "|---|---|---|---|",
            "| 4 | 5 | 5.0 | ['5', '12'] |",
            "| 5 | 4 | 5.0 | ['4'] |",
            "| 4 | 6 | 4.0 | ['6'] |",
            "| 4 |  | 4.0 | [] |",
        ]
    )
    found = markdown_without(preview, FIVE).split("\n")
    assert found[2:] == [
        "| erased |  |  |  |",
        "| 5 | 4 | 5.0 | ['4'] |",
        "| 4 | 6 | 4.0 | ['6'] |",
        "| erased |  |  |  |",
    ], "who is named decides, then whose intervention it is"


def test_json_is_erased_by_key_and_parses_afterwards() -> None:
    before = {
        "customer_id": "5",
        "intervention_id": "5",
        "value": 5,
        "rows": [{"customer_id": 5, "account_value": 5}, {"customer_id": 4, "intervention_id": 4}],
        "triggered_by_signals": ["5", "6", "12"],
        "record": {"raw_record": json.dumps({"customer_id": "5", "account_value": 7})},
        "nested": json.dumps({"customer_id": "5", "count": 5}),
        "text": "customer 5 in 5 of 10",
    }
    after = json.loads(json_without(json.dumps(before), FIVE))
    assert after == before | {
        "customer_id": "erased",
        "rows": [{"customer_id": "erased", "account_value": 5}, {"customer_id": 4, "intervention_id": 4}],
        "triggered_by_signals": ["erased", "6", "erased"],
        "record": {"raw_record": "{}"},
        "nested": json.dumps({"customer_id": "erased", "count": 5}),
        "text": "customer erased in 5 of 10",
    }
    untouched = '{"value": 5,   "count": 12}'
    assert json_without(untouched, FIVE) == untouched, "a text without the person is unchanged"


def test_a_csv_loses_the_rows_of_the_customer_alone() -> None:
    text = 'customer_id,intervention_id_before,cost\n5,4,"4,256.82"\n4,5,5\n6,3,4\n'
    assert without(text, ".csv", FIVE) == "customer_id,intervention_id_before,cost\n4,5,5\n6,3,4\n"


@pytest.mark.parametrize("ending", [".html", ".md", ".csv", ".json", ".svg", ".txt", ".err"])
def test_text_without_the_person_stays_byte_for_byte(ending: str) -> None:
    text = "5 of 10\n| a | 5 |\r\n{broken 4,256.82\n"
    assert without(text, ending, FIVE) == text
