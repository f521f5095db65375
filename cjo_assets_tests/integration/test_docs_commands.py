"""Commands of the documentation that only read, executed on a home with the published samples."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cjo_assets.cli.app import app
from cjo_assets.core.settings import PROJECT, Settings

PAGES = ("start", "how-to/approve", "how-to/investigate_a_decision", "how-to/query_the_tables")
COMMAND = re.compile(r"^ +cjo ((?:why|pending|sql|export)\b.*)$", re.MULTILINE)
# Of a day or an id that the samples do not have.
NOT_IN_SAMPLES = ("2025-01-16", "...")


def commands(page: str) -> list[str]:
    """Return the reading commands in the blocks of a page."""
    found = COMMAND.findall((PROJECT / "docs" / f"{page}.md").read_text(encoding="utf-8"))
    return [command for command in found if not any(text in command for text in NOT_IN_SAMPLES)]


@pytest.mark.parametrize("page", PAGES)
def test_reading_commands_of_a_page_can_be_executed(page: str, sample_home: Settings, tmp_path: Path) -> None:
    for place, command in enumerate(commands(page)):
        folder = tmp_path / str(place)
        words = [str(folder) if word == "DIR" else word for word in shlex.split(command, comments=True)]
        done = CliRunner().invoke(app, words, env={"CJO_HOME": str(sample_home.home), "COLUMNS": "200"})
        assert done.exit_code == 0, f"cjo {command}: {done.output}"
        assert done.output.strip() or folder.exists(), command


def test_pages_have_reading_commands() -> None:
    assert {page: len(commands(page)) for page in PAGES} == {
        "start": 1,
        "how-to/approve": 1,
        "how-to/investigate_a_decision": 5,
        "how-to/query_the_tables": 4,
    }
