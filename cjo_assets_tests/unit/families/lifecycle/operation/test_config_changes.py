"""Tests of configuration changes: differences, risk, approval, validity, outcome and rollback.

The as-of date is 20 January 2025. Version 1 was deployed on the 1st; changes are of the 15th.
"""

from collections.abc import Sequence
from typing import Any

from cjo_assets.families.lifecycle.operation.config_changes import (
    ConfigChanges,
    config_changes,
    configurations_with_two_live_versions,
    deployments_of_no_version,
    deployments_without_approval,
    rows_of_no_organization,
)
from cjo_assets_tests.support.lifecycle.conversations import conversations_of, talk
from cjo_assets_tests.support.lifecycle.events import RULES, event, events_of, organizations_of
from cjo_assets_tests.support.lifecycle.operation import (
    deployed,
    people_of,
    rolled_back,
    version,
    versions_of,
    window,
    windows_of,
)
from cjo_assets_tests.support.rows import Row, Rows, as_of, by, day, instant, kept, policy_with, rows_of, table_of

PEOPLE = people_of(
    ADMIN=("C1", ["admin"]),
    MANAGER=("C1", ["config_manager"]),
    VIEWER=("C1", ["viewer"]),
    OTHER=("C2", ["admin"]),
    ENGINEER=(None, ["platform_engineer"]),
)
FIRST = version(1, "2025-01-01 08:00", ["system_prompt=Be brief.", "model.max_tokens=200"])
LIVE = deployed("2025-01-01 09:00", 1, "CH0")
SECOND = ["system_prompt=Be polite.", "model.max_tokens=200"]


def of(
    *versions: Row,
    events: Sequence[Row] = (),
    windows: Sequence[Row] = (),
    talks: Sequence[Row] = (),
    offset: int = 0,
    rules: Any = RULES,
) -> dict[int, Row]:
    """Return the changes of a day by version."""
    table = config_changes(
        versions_of(*versions),
        windows_of(*windows),
        conversations_of(*talks),
        events_of(*events),
        PEOPLE,
        as_of(offset),
        rules,
    )
    return by("config_version", kept(ConfigChanges, table, day(offset)))


def second(settings: list[str], *events: Row, **more: Any) -> Row:
    """Return version 2 with settings, after version 1 went live."""
    saved = version(2, "2025-01-15 09:50", settings)
    return of(FIRST, saved, events=[LIVE, *events], **more)[2]


def asked(kind: str, confidence: float | None = None, change: str = "CH1", at: str = "2025-01-15 09:40") -> Row:
    """Return a request of a client for a change."""
    return event(
        "config_change_requested",
        at,
        "C1",
        change,
        related_id="G1",
        about=kind,
        quantity=confidence,
        actor_kind="client",
    )


def approved(by_whom: str, at: str = "2025-01-15 09:55", kind: str = "client", change: str = "CH1") -> Row:
    """Return an approval of a change."""
    return event("config_change_approved", at, "C1", change, actor_id=by_whom, actor_kind=kind)


def live(*windows: Row, version_saved: list[str] | None = None, **more: Any) -> Row:
    """Return version 2, live since 10:00 on the 15th, with windows."""
    own = [{"config_id": "G1", "config_version": 2} | row for row in windows]
    return second(version_saved or SECOND, deployed("2025-01-15 10:00", 2), windows=own, **more)


MEDIUM, HIGH = [*FIRST["settings"], "tools.lookup=v1"], [*FIRST["settings"], "integrations.crm=on"]
SHIP = deployed("2025-01-15 10:00", 2)


def cases(rows: Sequence[tuple[list[str], Sequence[Row]]], windows: Sequence[Sequence[Row]] = ()) -> Rows:
    """Return version 2 of a configuration for each case of settings and events, computed at once."""
    versions: Rows = []
    log: Rows = []
    measured: Rows = []
    for number, (settings, events) in enumerate(rows):
        own = {"config_id": f"G{number:02d}"}
        versions += [FIRST | own, version(2, "2025-01-15 09:50", settings) | own]
        for row in [LIVE, *events]:
            named = {"subject_id": f"{row['subject_id']}-{number}"}
            log.append(row | named | ({"related_id": own["config_id"]} if "related_id" in row else {}))
        measured += [{"config_version": 2} | row | own for row in (windows[number] if windows else [])]
    table = config_changes(
        versions_of(*versions),
        windows_of(*measured),
        conversations_of(),
        events_of(*log),
        PEOPLE,
        as_of(),
        RULES,
    )
    found = by(("config_id", "config_version"), kept(ConfigChanges, table))
    return [found[f"G{number:02d}", 2] for number in range(len(rows))]


def test_the_first_version_has_no_difference() -> None:
    row = of(FIRST)[1]
    assert (row["changed_paths"], row["kinds"], row["risk"], row["problems"]) == (None, None, "none", [])
    assert (row["outcome"], row["decision"], row["approval"]) == ("not_deployed", "not_live", "not_needed")


def test_changed_added_and_removed_settings_differ() -> None:
    row = second(["system_prompt=Be polite.", "voice.speed=1.0"])
    assert row["changed_paths"] == ["model.max_tokens", "system_prompt", "voice.speed"]
    assert (row["kinds"], row["risk"]) == (["model", "system_prompt", "voice"], "low")
    same = second(list(reversed(FIRST["settings"])))
    assert (same["changed_paths"], same["kinds"], same["risk"]) == ([], [], "none")


def test_a_value_may_contain_the_separator() -> None:
    assert second([*FIRST["settings"], "tools.lookup=https://x?a=b.c"])["changed_paths"] == ["tools.lookup"]


def test_the_riskiest_path_decides() -> None:
    risks = {
        "voice.speed=1": "low",
        "escalation.after=3": "medium",
        "tools.lookup=v1": "medium",
        "integrations.crm=on": "high",
        "credentials.key=1": "high",
        "something.new=1": "high",
    }
    found = cases([(["system_prompt=Be polite.", "model.max_tokens=200", setting], []) for setting in risks])
    assert [row["risk"] for row in found] == list(risks.values())


def test_a_gap_is_a_high_risk_and_a_problem() -> None:
    row = of(FIRST, version(3, "2025-01-15 09:50", SECOND))[3]
    assert (row["changed_paths"], row["risk"], row["problems"]) == (None, "high", ["version 2: not in the file"])


def test_settings_out_of_range() -> None:
    problems = {
        "voice.speed=0.5": [],
        "voice.speed=2.0": [],
        "voice.speed=2.01": ["voice.speed: out of range"],
        "voice.speed=fast": ["voice.speed: out of range"],
        "voice.speed=nan": ["voice.speed: out of range"],
        "stop.words=0": ["stop.words: out of range"],
        "stop.unknown=0": [],
        "tools.lookup=missing": ["tools.lookup: missing in production"],
    }
    found = cases([([setting], [SHIP]) for setting in problems])
    assert [row["problems"] for row in found] == list(problems.values())


def test_a_missing_tool_is_a_problem_in_production_alone() -> None:
    staging = deployed("2025-01-15 10:00", 2, about="staging")
    assert second(["tools.lookup=missing"], staging)["problems"] == []


def test_a_voicebot_has_no_integrations() -> None:
    settings = ["integrations.crm=on", "voice.speed=3"]
    row = of(version(1, "2025-01-01", settings, product="voicebot"))[1]
    assert row["problems"] == ["integrations.crm: not for a voicebot", "voice.speed: out of range"]
    assert of(version(1, "2025-01-01", settings[:1]))[1]["problems"] == []


def test_approval_by_risk() -> None:
    expected: list[tuple[list[str], list[Row], str]] = [
        (SECOND, [], "not_needed"),
        (MEDIUM, [approved("MANAGER"), SHIP], "approved"),
        (MEDIUM, [approved("ADMIN"), SHIP], "approved"),
        (MEDIUM, [approved("VIEWER"), SHIP], "wrong_approver"),
        (MEDIUM, [approved("OTHER"), SHIP], "wrong_approver"),
        (MEDIUM, [approved("ENGINEER"), SHIP], "wrong_approver"),
        (MEDIUM, [approved("GONE"), SHIP], "wrong_approver"),
        (MEDIUM, [SHIP], "missing"),
        # Given after the deployment.
        (MEDIUM, [approved("ADMIN", "2025-01-15 10:01"), SHIP], "missing"),
        (HIGH, [approved("ADMIN"), approved("ENGINEER", kind="agent"), SHIP], "approved"),
        (HIGH, [approved("ADMIN"), SHIP], "missing"),
        (HIGH, [approved("MANAGER"), SHIP], "wrong_approver"),
        (HIGH, [asked("integrations"), approved("ADMIN")], "pending"),
        (HIGH, [asked("integrations")], "pending"),
        (MEDIUM, [asked("tools"), approved("ADMIN")], "approved"),
    ]
    found = cases([(settings, events) for settings, events, _ in expected])
    assert [row["approval"] for row in found] == [approval for _, _, approval in expected]


def test_the_change_is_that_of_the_deployment_or_the_last_request_before_the_save() -> None:
    requests = [asked("voice", 0.9, "CH8", "2025-01-15 08:00"), asked("model", 0.9, "CH9", "2025-01-15 09:00")]
    later = asked("voice", 0.9, "CH7", "2025-01-15 09:51")
    earlier = asked("voice", 0.9, "CH6", "2025-01-01 08:00")
    row = second(SECOND, *requests, later, earlier)
    assert (row["change_id"], row["requested_at"], row["claimed_kind"]) == ("CH9", instant("2025-01-15 09:00"), "model")
    assert second(SECOND, *requests, deployed("2025-01-15 10:00", 2, "CH8"))["change_id"] == "CH8"
    assert second(SECOND, later)["change_id"] is None


def test_a_claim_is_right_if_it_names_the_risk() -> None:
    tool = "tools.lookup=v1"
    expected: list[tuple[str, list[str], bool]] = [
        ("system_prompt", SECOND, True),
        ("voice", SECOND, False),
        # Another kind of the same risk was changed too.
        ("system_prompt", ["system_prompt=Be polite."], True),
        # A riskier one was not named.
        ("system_prompt", [*SECOND, tool], False),
        ("tools", [*SECOND, tool], True),
    ]
    found = cases([(settings, [asked(kind, 0.85)]) for kind, settings, _ in expected])
    assert [row["is_claim_right"] for row in found] == [is_right for _, _, is_right in expected]


def test_a_claim_is_confident_by_its_kind() -> None:
    claims: list[tuple[str, float | None]] = [("voice", 0.85), ("voice", 0.84), ("voice", None), ("credentials", 0.99)]
    found = cases([(SECOND, [asked(*claim)]) for claim in claims])
    assert [row["is_claim_confident"] for row in found] == [True, False, None, None]


def test_self_service_and_lead_time() -> None:
    """Requested at 09:40, live at 10:00; the first conversation 90 seconds later."""
    events = [asked("system_prompt"), approved("ADMIN"), SHIP]
    talks = [
        talk("2025-01-15T10:01:30", "V1", config_id="G1", config_version=2),
        talk("2025-01-15T09:00:00", "V2", config_id="G1", config_version=2),
        talk("2025-01-15T10:00:10", "V3", config_id="G1", config_version=1),
    ]
    row = second(SECOND, *events, talks=talks)
    assert (row["is_self_service"], row["lead_minutes"], row["propagation_seconds"]) == (True, 20.0, 90.0)
    assert row["approved_at"] == instant("2025-01-15 09:55")
    by_us = second(SECOND, asked("voice"), approved("ENGINEER", kind="agent"), SHIP)
    assert by_us["is_self_service"] is False
    unasked = second(SECOND, SHIP)
    # From the save.
    assert (unasked["is_self_service"], unasked["lead_minutes"], unasked["propagation_seconds"]) == (None, 10.0, None)


def test_a_version_is_live_until_the_next_one() -> None:
    found = of(FIRST, version(2, "2025-01-15 09:50", SECOND), events=[LIVE, SHIP])
    assert [found[number]["is_live"] for number in (1, 2)] == [False, True]
    assert found[1]["superseded_at"] == instant("2025-01-15 10:00")
    assert (found[1]["outcome"], found[2]["outcome"]) == ("succeeded", "too_early")
    before = of(FIRST, version(2, "2025-01-15 09:50", SECOND), events=[LIVE, SHIP], offset=-6)
    assert (set(before), before[1]["is_live"], before[1]["superseded_at"]) == ({1}, True, None)
    later = of(FIRST, version(2, "2025-01-15 09:50", SECOND), events=[LIVE, SHIP], offset=2)
    assert later[2]["outcome"] == "succeeded"


def test_a_rollback_makes_the_earlier_version_live_again() -> None:
    back = rolled_back("2025-01-16 12:00", 1)
    found = of(FIRST, version(2, "2025-01-15 09:50", SECOND), events=[LIVE, SHIP, back])
    assert (found[1]["is_live"], found[1]["superseded_at"]) == (True, None)
    assert found[1]["deployed_at"] == instant("2025-01-01 09:00")
    assert (found[2]["is_live"], found[2]["rolled_back_at"]) == (False, instant("2025-01-16 12:00"))
    assert (found[2]["outcome"], found[2]["decision"]) == ("rolled_back", "not_live")
    late = back | {"recorded_at": instant("2025-01-21 09:00")}
    assert of(FIRST, version(2, "2025-01-15 09:50", SECOND), events=[LIVE, SHIP, late])[2]["is_live"]


def test_a_rollback_after_the_days_of_success_changes_nothing() -> None:
    row = second(SECOND, SHIP, rolled_back("2025-01-22 10:01", 1), offset=3)
    assert (row["outcome"], row["rolled_back_at"]) == ("succeeded", instant("2025-01-22 10:01"))
    assert second(SECOND, SHIP, rolled_back("2025-01-22 10:00", 1), offset=3)["outcome"] == "rolled_back"


def test_too_few_requests_raise_no_alarm() -> None:
    """2 of 12 requests fail, then 3 of 40: 0.075, known at 10:10."""
    windows = [window("2025-01-15 10:00", requests=12, errors=2), window("2025-01-15 10:05", requests=40, errors=3)]
    row = live(*windows)
    assert (row["decision"], row["rule"], row["observed"], row["n"]) == ("roll_back", "error_rate", 0.075, 40)
    assert (row["first_failed_at"], row["detected_after_minutes"]) == (instant("2025-01-15 10:05"), 10.0)
    assert row["to_version"] == 1
    few = live(windows[0])
    assert (few["decision"], few["rule"], few["to_version"]) == ("insufficient_data", None, None)


def test_windows_that_count() -> None:
    expected: list[tuple[Row, str]] = [
        ({}, "roll_back"),
        ({"requests": 19, "errors": 19}, "insufficient_data"),
        ({"requests": 20, "errors": 1}, "hold"),
        ({"requests": 20, "errors": 2}, "roll_back"),
        ({"minutes": 6}, "insufficient_data"),
        ({"is_maintenance": True}, "insufficient_data"),
        ({"started_at": instant("2025-01-15 09:59")}, "insufficient_data"),
        ({"started_at": instant("2025-01-20 23:56")}, "insufficient_data"),
        ({"config_version": 1}, "insufficient_data"),
        ({"customer_id": "C2"}, "insufficient_data"),
    ]
    windows = [[window("2025-01-15 10:05", requests=40, errors=3) | changed] for changed, _ in expected]
    found = cases([(SECOND, [SHIP])] * len(expected), windows)
    assert [row["decision"] for row in found] == [decision for _, decision in expected]


def test_completion_of_an_hour() -> None:
    """10 and 10 conversations of an hour, of which 8 and 8 are complete; each window alone is too few."""
    windows = [
        window("2025-01-15 10:00", ended=10, completed=8),
        window("2025-01-15 10:55", ended=10, completed=8),
    ]
    row = live(*windows)
    assert (row["decision"], row["rule"], row["observed"], row["n"]) == ("roll_back", "completion", 0.8, 20)
    assert row["first_failed_at"] == instant("2025-01-15 10:55")
    apart = [windows[0], window("2025-01-15 11:00", ended=10, completed=8)]
    assert live(*apart)["decision"] == "insufficient_data"
    assert live(windows[0], window("2025-01-15 10:55", ended=10, completed=9))["decision"] == "hold"


def test_three_slow_windows_in_a_row() -> None:
    slow = [window(f"2025-01-15 10:{minute:02d}", requests=20, p95_ms=2001.0) for minute in (0, 5, 10)]
    row = live(*slow)
    assert (row["decision"], row["rule"], row["observed"]) == ("roll_back", "response_time", 2001.0)
    assert (row["first_failed_at"], row["detected_after_minutes"]) == (instant("2025-01-15 10:10"), 15.0)
    for changed in ({"p95_ms": 2000.0}, {"requests": 19}, {"p95_ms": None}):
        assert live(slow[0], slow[1] | changed, slow[2])["decision"] == "hold"
    assert live(*(row | {"service": "crm"} for row in slow))["decision"] == "hold"
    rules = policy_with(lifecycle__rollback__slow_windows=4).lifecycle  # type: ignore[attr-defined]
    assert live(*slow, rules=rules)["decision"] == "hold"


def test_where_to_go_back_to() -> None:
    """Not to a version that was invalid, rolled back or never live."""
    failing = [window("2025-01-15 10:05", requests=40, errors=30, config_id="G1", config_version=4)]
    fourth = version(4, "2025-01-15 09:00", SECOND)
    thirds = {
        "sound": (version(3, "2025-01-10", SECOND), [deployed("2025-01-11", 3, "CH3")], 3),
        "invalid": (version(3, "2025-01-10", ["voice.speed=9"]), [deployed("2025-01-11", 3, "CH3")], 1),
        "never live": (version(3, "2025-01-10", SECOND), [], 1),
        "rolled back": (
            version(3, "2025-01-10", SECOND),
            [deployed("2025-01-11", 3, "CH3"), rolled_back("2025-01-12", 1)],
            1,
        ),
    }
    for name, (third, events, expected) in thirds.items():
        versions = [FIRST, version(2, "2025-01-05", SECOND), third, fourth]
        log = [LIVE, *events, deployed("2025-01-15 10:00", 4, "CH4")]
        row = of(*versions, events=log, windows=failing)[4]
        assert (row["decision"], row["to_version"]) == ("roll_back", expected), name
    alone = of(fourth, events=[deployed("2025-01-15 10:00", 4, "CH4")], windows=failing)[4]
    assert (alone["decision"], alone["rule"], alone["to_version"]) == ("no_earlier_version", "error_rate", None)


def test_checks() -> None:
    changes = table_of(
        ConfigChanges,
        [
            {"config_version": 1, "config_id": "G1", "is_live": True},
            {"config_version": 2, "config_id": "G1", "is_live": True, "approval": "missing"},
            {"config_version": 3, "config_id": "G1", "approval": "missing", "deployed_at": instant("2025-01-02")},
        ],
        customer_id="C1",
    )
    assert [row["versions"] for row in rows_of(configurations_with_two_live_versions(changes))] == [2]
    assert [row["config_version"] for row in rows_of(deployments_without_approval(changes))] == [3]
    assert len(rows_of(rows_of_no_organization(changes, organizations_of("C2")))) == 3
    log = events_of(LIVE, SHIP, rolled_back("2025-01-16", 7))
    found = rows_of(deployments_of_no_version(versions_of(FIRST), log, as_of()))
    assert sorted(row["config_version"] for row in found) == [2, 7]
