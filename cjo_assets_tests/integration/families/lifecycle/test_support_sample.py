"""The sample of the lifecycle: the facts of support with their arithmetic."""

from collections.abc import Callable
from datetime import date

import pytest

from cjo_assets_tests.support.chain import Chain
from cjo_assets_tests.support.rows import Row, instant

FIRST_RESPONSE, RESOLUTION = "first_response", "resolution"


@pytest.fixture
def clocks(lifecycle_sample: Chain) -> dict[tuple[str, str], Row]:
    """Return the clocks of the sample by ticket and clock."""
    rows = lifecycle_sample.rows("FROM lifecycle.ticket_sla")
    return {(row["ticket_id"], row["clock"]): row for row in rows}


def test_thirteen_tickets_have_two_clocks(clocks: dict[tuple[str, str], Row]) -> None:
    assert len(clocks) == 2 * 13


@pytest.mark.parametrize(
    ("fact", "ticket", "clock", "elapsed", "target", "state"),
    [
        # Tuesday 16 to 17 and Wednesday 9 to 10.
        ("F5", "T-01", FIRST_RESPONSE, 120.0, 240.0, "met"),
        # All hours: Saturday 22:00 to 23:30.
        ("F6", "T-03", FIRST_RESPONSE, 90.0, 60.0, "breached"),
        # Friday 60 and Monday 11 to 17.
        ("F7", "T-04", RESOLUTION, 420.0, 960.0, "running"),
        # 420 on Thursday, 480 on Friday and 180 on Monday.
        ("F8", "T-06", RESOLUTION, 1080.0, 2400.0, "met"),
        # Friday 480 and Monday 480; the contract valid at the start, not the shorter one of the 20th.
        ("F9", "T-13", RESOLUTION, 960.0, 960.0, "at_risk"),
        # 60, a holiday, 60.
        ("F10", "T-14", FIRST_RESPONSE, 120.0, 480.0, "met"),
        # 20:00 to the end of the day; the response is of the next day.
        ("F11", "T-07", FIRST_RESPONSE, 240.0, 60.0, "breached"),
        # Six days of 480.
        ("F12", "T-08", RESOLUTION, 2880.0, 4800.0, "running"),
        # 420 and 180, then reopened on the 14th: 420 and 120.
        ("", "T-05", RESOLUTION, 1140.0, 2400.0, "met"),
    ],
)
def test_clocks_of_tickets(
    clocks: dict[tuple[str, str], Row], fact: str, ticket: str, clock: str, elapsed: float, target: float, state: str
) -> None:
    row = clocks[ticket, clock]
    assert (row["elapsed"], row["target"], row["state"]) == (elapsed, target, state), fact


def test_instants_of_clocks(clocks: dict[tuple[str, str], Row]) -> None:
    assert clocks["T-03", FIRST_RESPONSE]["breached_at"] == instant("2025-01-11 23:00")
    assert clocks["T-07", FIRST_RESPONSE]["breached_at"] == instant("2025-01-20 21:00")
    running = clocks["T-04", RESOLUTION]
    # 540 are left: Tuesday 480 and Wednesday 60.
    assert (running["share"], running["due_at"]) == (0.4375, instant("2025-01-22 10:00"))
    assert clocks["T-08", RESOLUTION]["share"] == 0.6
    assert clocks["T-05", RESOLUTION]["reopenings"] == 1


def test_a_day_knows_only_its_own(lifecycle_of: Callable[..., Chain]) -> None:
    tomorrow = lifecycle_of(day=date(2025, 1, 21))
    (row,) = tomorrow.rows("FROM lifecycle.ticket_sla WHERE ticket_id = 'T-07' AND clock = 'first_response'")
    assert (row["stopped_at"], row["elapsed"]) == (instant("2025-01-21 08:00"), 720.0)


def totals(lifecycle_sample: Chain, metric: str, where: str = "true") -> tuple[float, float | None, int]:
    """Return numerator, denominator and n of a metric up to the as-of date."""
    (row,) = lifecycle_sample.rows(
        "SELECT coalesce(sum(numerator), 0) AS a, sum(denominator) AS b, coalesce(sum(n), 0)::BIGINT AS n "
        f"FROM lifecycle.daily_metrics WHERE metric = '{metric}' AND metric_day <= DATE '2025-01-20' AND {where}"
    )
    return row["a"], row["b"], row["n"]


def test_escalations(lifecycle_sample: Chain) -> None:
    found = lifecycle_sample.by("subject_id", "lifecycle.escalations")
    assert {name: (row["state"], row["triggers"], row["waited_minutes"]) for name, row in found.items()} == {
        # Answered after 570 of 480 minutes, and solved since.
        "T-02": ("missed", ["sla_breached"], None),
        "T-03": ("missed", ["sla_breached"], None),
        # Broken at 21:00, three hours before the end of the day.
        "T-07": ("late", ["sla_breached"], 180.0),
        "T-15": ("taken", ["asked_for_human"], 10.0),
        "CV-0146": ("taken", ["asked_for_human", "low_confidence"], 6.0),
    }


def test_ticket_autonomy(lifecycle_sample: Chain) -> None:
    """F13: T-09, T-10 and T-14 of eight solved tickets by the AI; 13 of 15 tickets are accepted."""
    assert totals(lifecycle_sample, "resolved_by_ai") == (3.0, 8.0, 8)
    assert totals(lifecycle_sample, "resolved_tickets") == (8.0, None, 8)
    assert totals(lifecycle_sample, "tickets")[0] == 13.0
    # T-05, once.
    assert totals(lifecycle_sample, "reopened") == (1.0, 8.0, 8)


def test_inputs_of_health(lifecycle_sample: Chain) -> None:
    """Numerators and denominators of F14 to F17: 28 days up to the as-of date."""
    window = "metric_day > DATE '2024-12-23' AND customer_id = '{}'"
    expected = {
        ("C004", "resolved"): (18.0, 20.0),
        ("C004", "completed"): (19.0, 20.0),
        ("C004", "conversations"): (20.0, None),
        ("C004", "active_days"): (14.0, None),
        ("C004", "tickets"): (2.0, None),
        ("C005", "conversations"): (12.0, None),
        ("C005", "active_days"): (7.0, None),
        ("C005", "tickets"): (4.0, None),
        # T-05 was reopened, T-15 escalated.
        ("C005", "complex_tickets"): (2.0, None),
        ("C004", "complex_tickets"): (0.0, None),
        ("C010", "active_days"): (1.0, None),
        ("C010", "tickets"): (1.0, None),
        ("C011", "resolved"): (3.0, 4.0),
        ("C011", "completed"): (4.0, 4.0),
        ("C011", "active_days"): (5.0, None),
    }
    found = {key: totals(lifecycle_sample, key[1], window.format(key[0]))[:2] for key in expected}
    assert found == expected
    csat = {name: totals(lifecycle_sample, "csat", window.format(name)) for name in ("C004", "C005")}
    assert {name: round(a / (b or 1), 6) for name, (a, b, _) in csat.items()} == {"C004": 4.1, "C005": 2.6}
    before = "metric_day BETWEEN DATE '2024-11-26' AND DATE '2024-12-23' AND customer_id = '{}'"
    counts = [totals(lifecycle_sample, "conversations", before.format(name))[0] for name in ("C004", "C005", "C010")]
    assert counts == [25.0, 24.0, 0.0]


def test_costs_of_models(lifecycle_sample: Chain) -> None:
    """F27: 0.0358 spent and 0.0350 avoided, a saving of 0.494350."""
    spent, avoided = (totals(lifecycle_sample, name)[0] for name in ("model_cost", "cost_avoided"))
    assert (round(spent, 9), round(avoided, 9)) == (0.0358, 0.035)
    assert round(avoided / (spent + avoided), 6) == 0.49435


def test_searches_and_planted_faults(lifecycle_sample: Chain) -> None:
    # S-03 found nothing, S-08 with too little confidence.
    assert totals(lifecycle_sample, "search_hits") == (8.0, 10.0, 10)
    assert totals(lifecycle_sample, "pinned_ok", "customer_id = 'C004'")[2] > 0
    checks = lifecycle_sample.stored["lifecycle.daily_metrics"].verdicts
    faults = ("conversations_not_pinned", "replies_during_calls", "documents_of_another_customer")
    assert {name: sum(checks[name].broken.values()) for name in faults} == dict.fromkeys(faults, 1)
