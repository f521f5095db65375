"""Tests of budget governance: refusals, approval and its duration, and the balances of channels."""

import itertools
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cjo_assets.families.marketing.governance.budget_balances import (
    BudgetBalances,
    balances_that_miss_moves,
    budget_balances,
    nets_that_do_not_sum_to_nothing,
)
from cjo_assets.families.marketing.governance.budget_governance import (
    BudgetGovernance,
    actions_against_the_rules,
    answers_that_contradict,
    budget_governance,
    latencies_that_disagree,
)
from cjo_assets.families.marketing.governance.risk_register import RiskRegister
from cjo_assets.families.marketing.inputs.budget_actions import BudgetActions
from cjo_assets.families.marketing.inputs.campaigns import Campaigns
from cjo_assets.policy import Policy
from cjo_assets_tests.support.rows import POLICY, Row, Rows, as_of, by, instant, kept, policy_with, rows_of, table_of

CAMPAIGNS = [
    {"campaign_id": "C", "budget": 1000.0},
    {"campaign_id": "other", "budget": 1000.0},
    {"campaign_id": "free", "budget": 0.0},
]
NOON = instant("2025-01-20T12:00:00")
MORNING = instant("2025-01-18T09:00:00")


def move(name: str, source: str = "mail", target: str = "ads", amount: float = 100.0, **cells: Any) -> Row:
    """Return a move that a person approved within an hour, proposed by the machine."""
    approved = {"status": "executed", "approved_by_human": True, "approver_id": "ann", "approval_latency_minutes": 60.0}
    said = {"timestamp": MORNING, "campaign_id": "C", "currency": "USD", "proposed_by": "orchestrator"} | approved
    return (
        said | {"budget_action_id": name, "from_channel_id": source, "to_channel_id": target, "amount": amount} | cells
    )


WAITING: Row = {
    "status": "proposed",
    "approved_by_human": False,
    "approver_id": None,
    "approval_latency_minutes": None,
}


def risk(name: str, severity: str = "high", channels: tuple[str, ...] = ("ads",), **cells: Any) -> Row:
    """Return an open risk, older than all moves."""
    said = {"raised_at": instant("2025-01-10T00:00:00"), "is_open": True, "campaign_id": "C", "rank": 1}
    return said | {"risk_id": name, "severity": severity, "channel_ids": list(channels)} | cells


def governed(actions: Rows, risks: Rows = [], policy: Policy = POLICY) -> Rows:  # noqa: B006
    """Return the budget governance of actions."""
    rows = budget_governance(
        table_of(BudgetActions, actions), table_of(Campaigns, CAMPAIGNS), table_of(RiskRegister, risks), as_of(), policy
    )
    return kept(BudgetGovernance, rows)


def refusals(actions: Rows, risks: Rows = [], policy: Policy = POLICY) -> dict[str, list[str]]:  # noqa: B006
    """Return the reasons of refusal by action."""
    return {row["budget_action_id"]: row["refusal_reasons"] for row in governed(actions, risks, policy)}


def test_moves_into_themselves_or_beyond_the_share_are_refused() -> None:
    """Trap M17: money from a channel to itself is no move."""
    actions = [
        move("fine"),
        move("to itself", target="mail"),
        # A quarter of 1,000 is allowed; compared before rounding.
        move("a quarter", amount=250.0),
        move("a hair more", amount=250.004),
        move("foreign", currency="EUR", amount=1.0),
        move("all three", target="mail", amount=251.0, currency="EUR"),
        move("nothing to take from", campaign_id="free", amount=0.01),
        # Refused or not, whatever the source did with it.
        move("to itself, waiting", target="mail", **WAITING),
    ]
    assert refusals(actions) == {
        "fine": [],
        "to itself": ["same_channel"],
        "a quarter": [],
        "a hair more": ["beyond_budget_share"],
        "foreign": ["other_currency"],
        "all three": ["other_currency", "same_channel"],
        "nothing to take from": ["beyond_budget_share"],
        "to itself, waiting": ["same_channel"],
    }
    rows = by("budget_action_id", governed(actions))
    assert (rows["a quarter"]["budget_share"], rows["a hair more"]["budget_share"]) == (0.25, 0.250004)
    assert rows["foreign"]["budget_share"] is None
    assert rows["nothing to take from"]["budget_share"] is None
    wider = policy_with(marketing__budgets__largest_move_share=0.3, marketing__budgets__currency="EUR")
    assert refusals(actions, policy=wider)["foreign"] == []


def test_many_moves_are_compared_with_the_budget_together() -> None:
    """Five moves of 24 % in five days: each passes, the fifth makes 120 % of the budget."""
    days = [{"executed_at": instant(f"2025-01-{day:02}T10:00:00")} for day in range(11, 16)]
    days = [times | {"timestamp": instant(f"2025-01-{place + 11:02}T09:00:00")} for place, times in enumerate(days)]
    five = [move(f"B_{place}", amount=240.0, **times) for place, times in enumerate(days)]
    rows = by("budget_action_id", governed(five))
    assert {name: (row["window_share"], row["refusal_reasons"], row["violations"]) for name, row in rows.items()} == {
        "B_0": (0.24, [], []),
        "B_1": (0.48, [], []),
        "B_2": (0.72, [], []),
        "B_3": (0.96, [], []),
        "B_4": (1.2, ["beyond_window_share"], ["executed_although_refused"]),
    }
    # A pending move is compared with the effective ones, and so is one that was approved and not executed yet.
    last = {"timestamp": instant("2025-01-19T09:00:00")}
    assert refusals([*five[:4], move("waits", amount=50.0, **WAITING | last)])["waits"] == ["beyond_window_share"]
    promised = [row | {"status": "approved", "executed_at": None} for row in five[:4]]
    assert refusals([*promised, move("waits", amount=50.0, **WAITING | last)])["waits"] == ["beyond_window_share"]
    # What was taken back, is of another campaign or another currency, or moved before the window, does not count.
    for changes in ({"status": "rolled_back"}, {"campaign_id": "other"}, {"currency": "EUR"}):
        assert refusals([*(row | changes for row in five[:4]), five[4]])["B_4"] == [], changes
    narrow = policy_with(marketing__budgets__window_days=4)
    assert refusals(five, policy=narrow)["B_4"] == []
    wide = policy_with(marketing__budgets__largest_window_share=1.2)
    assert refusals(five, policy=wide)["B_4"] == []


def test_moves_into_risk_are_refused() -> None:
    """Trap M17: no money into a channel that an open risk is about."""
    actions = [
        move("into ads"),
        move("out of ads", "ads", "mail"),
        move("past ads", "mail", "posts"),
        move("of another campaign", campaign_id="other"),
    ]
    into_ads = {"into ads": ["channel_at_risk"], "out of ads": [], "past ads": [], "of another campaign": []}
    assert refusals(actions, [risk("of ads")]) == into_ads
    assert refusals(actions, [risk("of the campaign", channels=())]) == into_ads | {
        "out of ads": ["channel_at_risk"],
        "past ads": ["channel_at_risk"],
    }
    assert set(itertools.chain(*refusals(actions, [risk("mild", "medium")]).values())) == set()
    frozen = refusals(actions, [risk("critical", "critical")])
    assert frozen == {
        "into ads": ["budget_frozen", "channel_at_risk"],
        "out of ads": ["budget_frozen"],
        "past ads": ["budget_frozen"],
        "of another campaign": [],
    }
    rows = by("budget_action_id", governed(actions, [risk("b"), risk("a"), risk("elsewhere", channels=("posts",))]))
    assert rows["into ads"]["risk_ids"] == ["a", "b"]
    assert (rows["out of ads"]["risk_ids"], rows["past ads"]["risk_ids"]) == ([], ["elsewhere"])
    lenient = policy_with(marketing__budgets__refusing_severities=[], marketing__risks__blocking_severities=[])
    assert set(itertools.chain(*refusals(actions, [risk("critical", "critical")], lenient).values())) == set()


def test_a_risk_counts_while_it_was_open() -> None:
    """The move was approved at ten and executed at twelve of the eighteenth; a pending one counts at the day's end."""
    ten, noon, one = (instant(f"2025-01-18T{hour}:00:00") for hour in ("10", "12", "13"))
    actions = [
        move("executed", executed_at=noon),
        move("executed, no instant"),
        move("executed, no instant or latency", approval_latency_minutes=None),
        move("rejected", status="rejected"),
        move("approved", status="approved"),
        move("waiting", **WAITING),
    ]
    closed = {"is_open": False, "settled_at": one}
    at_noon = refusals(actions, [risk("raised at noon", raised_at=noon, **closed)])
    assert {name for name, reasons in at_noon.items() if reasons} == {"executed"}
    until_one = refusals(actions, [risk("settled at one", **closed)])
    executed_or_refused = {"executed", "executed, no instant", "executed, no instant or latency", "rejected"}
    assert {name for name, reasons in until_one.items() if reasons} == executed_or_refused
    until_ten = refusals(actions, [risk("settled at ten", **closed | {"settled_at": ten})])
    assert {name for name, reasons in until_ten.items() if reasons} == {"executed, no instant or latency"}
    later = refusals(actions, [risk("raised afterwards", raised_at=NOON)])
    assert {name for name, reasons in later.items() if reasons} == {"approved", "waiting"}
    unknown = refusals(actions, [risk("settled, no instant", is_open=False)])
    assert set(itertools.chain(*unknown.values())) == set()


# approver, who proposed (None: the machine), what is wrong, who is shown, whether self-approved
PEOPLE: dict[str, tuple[str | None, str | None, list[str], str | None, bool | None]] = {
    "NULL": ("NULL", "lee.park", ["approver_not_named"], None, None),
    "N/A": ("N/A", "lee.park", ["approver_not_named"], None, None),
    "dash": ("-", "lee.park", ["approver_not_named"], None, None),
    "none": ("none", "lee.park", ["approver_not_named"], None, None),
    "none, machine": ("none", None, ["approver_not_named"], None, False),
    "another person": ("kim.ito", "lee.park", [], "kim.ito", False),
    "missing": (None, "lee.park", ["approver_not_named"], None, None),
    "the proposer": ("lee.park", "lee.park", ["approved_by_its_proposer"], "lee.park", True),
    "no-break space": ("Lee.Park\u00a0", "lee.park", ["approved_by_its_proposer"], "Lee.Park\u00a0", True),
    "decomposed": ("Zoe\u0308", "Zo\u00eb", ["approved_by_its_proposer"], "Zoe\u0308", True),
    "no proposer": ("N/A", "N/A", ["approver_not_named"], None, None),
}


def test_approvers_are_people_whatever_their_spelling() -> None:
    proposed = {
        name: {"proposed_by": "orchestrator" if by is None else "human", "proposer_id": by}
        for name, (_, by, *_) in PEOPLE.items()
    }
    actions = [move(name, amount=1.0, approver_id=PEOPLE[name][0], **cells) for name, cells in proposed.items()]
    rows = by("budget_action_id", governed(actions))
    found = {name: (row["violations"], row["approver_id"], row["is_self_approved"]) for name, row in rows.items()}
    assert found == {name: tuple(expected) for name, (_, _, *expected) in PEOPLE.items()}
    unlisted = by("budget_action_id", governed(actions, policy=policy_with(vocabulary__null_words=())))
    assert unlisted["N/A"]["violations"] == []


ANSWERS = [
    ("executed", {}, "approved", 60.0, False),
    ("rejected", {"status": "rejected", "approved_by_human": False}, "rejected", 60.0, False),
    ("pending", WAITING, "pending", None, True),
    ("executed without a word", WAITING | {"status": "executed"}, "not_approved", None, None),
    ("approved without a person", WAITING | {"status": "approved"}, "not_approved", None, None),
    ("rolled back", {"status": "rolled_back"}, "approved", 60.0, False),
    ("at the target", {"approval_latency_minutes": 120.0}, "approved", 120.0, False),
    ("late", {"approval_latency_minutes": 120.0000001}, "approved", 120.0, True),
    ("no instant", {"approval_latency_minutes": None}, "approved", None, None),
    ("just proposed", WAITING | {"timestamp": instant("2025-01-20T23:00:00")}, "pending", None, False),
    # Instants take precedence over the reported latency.
    ("dated", {"decided_at": instant("2025-01-18T12:30:00")}, "approved", 210.0, True),
]


def test_who_approved_and_how_soon() -> None:
    """Trap M17: what waits is pending and not refused."""
    rows = by("budget_action_id", governed([move(name, **cells) for name, cells, *_ in ANSWERS]))
    for name, _, state, latency, late in ANSWERS:
        row = rows[name]
        said = (row["approval_state"], row["approval_latency_minutes"], row["is_late"])
        assert said == (state, latency, late), name
        assert (row["approver_id"] is not None) == (state in ("approved", "rejected")), name
        assert row["is_refused"] is False, name
        assert (row["waiting_minutes"] is not None) == (state == "pending"), name


def test_nothing_is_known_before_it_happened() -> None:
    """The sixty-first minute after eleven at night is tomorrow."""
    late, tomorrow = instant("2025-01-20T23:00:00"), instant("2025-01-21T00:00:00")
    actions = [
        move("answered tomorrow", timestamp=late, approval_latency_minutes=60.0),
        move("answered tonight", timestamp=late, approval_latency_minutes=59.0),
        move("decided tomorrow", decided_at=tomorrow),
        move("executed tomorrow", executed_at=tomorrow),
        move("executed today, approved tomorrow", executed_at=NOON, decided_at=tomorrow),
        move("rejected tomorrow", decided_at=tomorrow, status="rejected", approved_by_human=False),
        move("proposed tomorrow", timestamp=tomorrow),
    ]
    found = {
        row["budget_action_id"]: (row["status"], row["approval_state"], row["is_executed"], row["approver_id"])
        for row in governed(actions)
    }
    assert found == {
        "answered tomorrow": ("proposed", "pending", False, None),
        "answered tonight": ("executed", "approved", True, "ann"),
        "decided tomorrow": ("proposed", "pending", False, None),
        "executed tomorrow": ("approved", "approved", False, "ann"),
        "executed today, approved tomorrow": ("executed", "not_approved", True, None),
        "rejected tomorrow": ("proposed", "pending", False, None),
    }


def test_what_was_done_against_the_rules_is_named() -> None:
    by_hand = {"proposed_by": "human", "proposer_id": "ann"}
    actions = [
        move("fine", executed_at=NOON),
        move("to itself", target="mail"),
        move("to itself, undone", target="mail", status="rolled_back"),
        move("without a word", **WAITING | {"status": "executed"}),
        move("before the answer", executed_at=MORNING, decided_at=instant("2025-01-18T09:30:00")),
        move("own proposal", **by_hand | {"approver_id": " Ann "}),
        move("of four eyes", **by_hand | {"approver_id": "bob"}),
        move("proposer unknown", proposed_by="human"),
        move("no name", approver_id=None),
        move("refused and not done", target="mail", status="rejected", approved_by_human=False),
        move("waiting", **WAITING),
    ]
    rows = by("budget_action_id", governed(actions))
    assert {name: row["violations"] for name, row in rows.items() if row["violations"]} == {
        "to itself": ["executed_although_refused"],
        "to itself, undone": ["executed_although_refused"],
        "without a word": ["executed_without_approval"],
        "before the answer": ["executed_before_approval"],
        "own proposal": ["approved_by_its_proposer"],
        "no name": ["approver_not_named"],
    }
    assert {name: rows[name]["is_self_approved"] for name in ("fine", "own proposal", "of four eyes")} == {
        "fine": False,
        "own proposal": True,
        "of four eyes": False,
    }
    assert rows["proposer unknown"]["is_self_approved"] is None
    named = rows_of(actions_against_the_rules(table_of(BudgetGovernance, list(rows.values()))))
    assert len(named) == 6


def test_answers_that_contradict_themselves_are_found() -> None:
    actions = [
        move("fine"),
        move("rejected, and approved", status="rejected"),
        move("approved, and not", status="approved", approved_by_human=False),
        move("clock off", decided_at=instant("2025-01-18T10:05:00")),
        move("clock on", decided_at=instant("2025-01-18T10:00:30")),
    ]
    table = table_of(BudgetActions, actions)
    assert {row["budget_action_id"] for row in rows_of(answers_that_contradict(table))} == {
        "rejected, and approved",
        "approved, and not",
    }
    assert rows_of(latencies_that_disagree(table)) == [
        {"budget_action_id": "clock off", "approval_latency_minutes": 60.0, "minutes": 65.0}
    ]


def balances(actions: Rows, risks: Rows = []) -> Rows:  # noqa: B006
    """Return the balances of actions, after their blocking checks."""
    governance = table_of(BudgetGovernance, governed(actions, risks))
    found = kept(BudgetBalances, budget_balances(governance))
    table = table_of(BudgetBalances, found)
    assert rows_of(nets_that_do_not_sum_to_nothing(table)) == []
    assert rows_of(balances_that_miss_moves(table, governance)) == []
    return found


def test_every_move_is_entered_at_both_its_ends() -> None:
    actions = [
        move("one", "mail", "ads", 100.0),
        move("two", "mail", "posts", 0.1),
        move("three", "ads", "posts", 0.2),
        move("euro", "mail", "ads", 7.0, currency="EUR"),
        # None of these moved anything.
        move("to itself", "mail", "mail", 50.0),
        move("undone", status="rolled_back"),
        move("approved", status="approved"),
        move("rejected", status="rejected", approved_by_human=False),
        move("waiting", **WAITING),
        move("tomorrow", executed_at=instant("2025-01-21T00:00:00")),
    ]
    found = by(("channel_id", "currency"), balances(actions, [risk("of ads")]))
    assert {key: tuple(row.values())[4:] for key, row in found.items()} == {
        # moves, in, out, net, refused in
        ("ads", "EUR"): (1, 7.0, 0.0, 7.0, 7.0),
        ("mail", "EUR"): (1, 0.0, 7.0, -7.0, 0.0),
        ("ads", "USD"): (2, 100.0, 0.2, 99.8, 100.0),
        ("mail", "USD"): (2, 0.0, 100.1, -100.1, 0.0),
        ("posts", "USD"): (2, 0.3, 0.0, 0.3, 0.0),
    }
    assert balances([]) == []


def test_money_that_is_entered_once_is_found() -> None:
    """Faults: a channel that gave nothing, and a move that is in no balance."""
    governance = table_of(BudgetGovernance, governed([move("one"), move("of another", campaign_id="other")]))
    half = [row for row in balances([move("one")]) if row["channel_id"] == "ads"]
    table = table_of(BudgetBalances, half)
    assert [row["campaign_id"] for row in rows_of(nets_that_do_not_sum_to_nothing(table))] == ["C"]
    missed = by("campaign_id", rows_of(balances_that_miss_moves(table, governance)))
    assert {name: (row["moved"], row["moved_in"], row["moved_out"]) for name, row in missed.items()} == {
        "C": (100.0, 100.0, 0.0),
        "other": (100.0, None, None),
    }


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.sampled_from("abc"),
            st.integers(1, 10**11).map(lambda cents: cents / 100),
            st.sampled_from(["executed", "executed", "rolled_back", "approved", "rejected", "proposed"]),
            st.sampled_from(["USD", "EUR"]),
            st.sampled_from(["C", "other", "free"]),
        ),
        min_size=5,
        max_size=60,
    )
)
def test_money_neither_appears_nor_vanishes(moves: list[tuple[str, str, float, str, str, str]]) -> None:
    names = ("from_channel_id", "to_channel_id", "amount", "status", "currency", "campaign_id")
    actions = [move(str(number)) | dict(zip(names, values, strict=True)) for number, values in enumerate(moves)]
    found = balances(actions)
    for campaign, currency in itertools.product(("C", "other", "free"), ("USD", "EUR")):
        cells = [row for row in found if (row["campaign_id"], row["currency"]) == (campaign, currency)]
        assert sum(round(row["net"] * 100) for row in cells) == 0
        stands = [
            round(action["amount"] * 100)
            for action in actions
            if (action["campaign_id"], action["currency"], action["status"]) == (campaign, currency, "executed")
            and action["from_channel_id"] != action["to_channel_id"]
        ]
        assert sum(round(row["moved_in"] * 100) for row in cells) == sum(stands)
