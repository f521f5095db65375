"""What all commands share."""

import io
import json
import sys
from datetime import date

import pytest
import typer
from typer.main import get_command

from cjo_assets.cli.app import app, main
from cjo_assets.cli.terminal import REFUSED, day_of, fail, harmless, say, say_json


def helps(option: str) -> dict[str, str]:
    """Return the help of an option in each command."""
    waiting, found = [("cjo", get_command(app))], {}
    while waiting:
        name, command = waiting.pop()
        waiting += [(f"{name} {child}", own) for child, own in getattr(command, "commands", {}).items()]
        for parameter in command.params:
            if option in parameter.opts:
                found[name] = parameter.help
    return found


def test_what_a_customer_wrote_moves_no_cursor_and_opens_no_line() -> None:
    assert harmless("Ärger \x1b[2Jmit\nC001\u202e") == "Ärger \\x1b[2Jmit\\nC001\\u202e"


def test_a_date_is_one_or_the_command_ends(capsys: pytest.CaptureFixture[str]) -> None:
    assert day_of("--as-of", "2025-01-20") == date(2025, 1, 20)
    with pytest.raises(typer.Exit) as ended:
        day_of("--to", "20.01.2025", REFUSED)
    assert ended.value.exit_code == REFUSED
    assert capsys.readouterr().err == "Error: Option --to: 20.01.2025 is not a date of the form YYYY-MM-DD.\n"


def test_a_refusal_is_one_line_however_long(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        fail("no " * 100)
    assert ended.value.exit_code == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_an_option_means_the_same_in_every_command() -> None:
    assert {"cjo run", "cjo why", "cjo audit verify", "cjo diff-policy", "cjo pending"} <= set(helps("--home"))
    assert len(set(helps("--home").values())) == 1, "one folder, one sentence"
    assert all("day" in text.lower() or "date" in text for text in helps("--as-of").values())
    assert all("Last" in text for text in helps("--to").values()), "--to ends a range of days"
    assert all("Folder" in text or "File" in text for text in helps("--out").values())


# An umlaut, an emoji beyond the first plane, and a mark that turns the reading direction round.
NAME = "J\u00fc\U0001f600rgen\u202eN"
WRITTEN = [
    ("ascii", "J\\xfc\\U0001f600rgen\\u202eN"),
    ("cp1252", "J\u00fc\\U0001f600rgen\\u202eN"),
    ("utf-8", "J\u00fc\U0001f600rgen\\u202eN"),
]


@pytest.mark.parametrize(("encoding", "written"), WRITTEN)
def test_what_an_encoding_lacks_is_written_as_its_code(
    encoding: str, written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    received = io.BytesIO()
    # The stream closes its file where it is collected: it must live as long as the test.
    stream = io.TextIOWrapper(received, encoding=encoding, errors="strict")
    monkeypatch.setattr(sys, "stdout", stream)

    def command() -> None:
        say(NAME)
        say_json({"name": NAME})

    monkeypatch.setattr("cjo_assets.cli.app.app", command)
    main()
    stream.flush()
    said, shown = received.getvalue().decode(encoding).splitlines()
    assert said == written
    assert json.loads(shown) == {"name": NAME}


def test_an_error_obeys_no_character_of_its_value(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit):
        fail("The data hold no customer \x1b[2J\u202e.\nTry again.")
    assert capsys.readouterr().err == "Error: The data hold no customer \\x1b[2J\\u202e.\nTry again.\n"
