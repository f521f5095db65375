"""What all commands share.

Belongs here: `terminal.py`, and that an option means the same wherever it stands. Does not belong here: any command.
"""

from datetime import date

import pytest
import typer
from typer.main import get_command

from cjo_assets.cli import app
from cjo_assets.terminal import REFUSED, day_of, fail, harmless


def helps(option: str) -> dict[str, str]:
    """Return what each command says about an option."""
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
    assert capsys.readouterr().err == "Error: --to 20.01.2025: a date is written YYYY-MM-DD.\n"


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
