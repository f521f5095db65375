"""Tests of the ratios of money, with numbers that can be checked by hand."""

import ibis
import pytest

from cjo_assets.families.marketing.measurement._economics import cost_per, return_on_ad_spend, return_on_investment
from cjo_assets_tests.support.rows import made_of, rows_of

CASES = {
    # value, media spend, other cost: return on investment, return on media spend
    "a gain": (300.0, 100.0, 50.0, 1.0, 3.0),
    "media is paid for, people are not": (110.0, 100.0, 50.0, -40 / 150, 1.1),
    "paid back": (150.0, 100.0, 50.0, 0.0, 1.5),
    "nothing came back": (0.0, 100.0, 0.0, -1.0, 0.0),
    "no media": (150.0, 0.0, 50.0, 2.0, None),
    "nothing at all": (0.0, 0.0, 0.0, None, None),
    "not known": (None, 100.0, 50.0, None, None),
}


@pytest.mark.parametrize("case", CASES)
def test_each_ratio_has_one_definition(case: str) -> None:
    """Trap M10: return on media spend is no return on investment; neither is a number where there is no cost."""
    value, media, other, roi, roas = CASES[case]
    schema = ibis.schema({"worth": "float64", "media": "float64", "other": "float64"})
    row = made_of([{"worth": value, "media": media, "other": other}], schema)
    (found,) = rows_of(
        row.select(
            roi=return_on_investment(row.worth, row.media + row.other),
            roas=return_on_ad_spend(row.worth, row.media),
            per=cost_per(row.media, row.worth),
        )
    )
    assert (found["roi"], found["roas"]) == (pytest.approx(roi), pytest.approx(roas))
    assert found["per"] == (media / value if value else None)
