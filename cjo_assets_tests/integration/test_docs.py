"""Tests of the documentation: its links and anchors, and the commands that it shows."""

from __future__ import annotations

import os
import re
import shlex
import textwrap
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
import typer.main

from cjo_assets.cli.app import app
from cjo_assets.core.settings import PROJECT

SKIPPED = {"warehouse", "tour", "build", "benchmarks"}  # benchmarks/notes.md becomes a part of a page in docs/
FENCE = re.compile(r"^```.*?^```", flags=re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
EXTERNAL = re.compile(r"[a-z]+:")
CODE_SPAN = re.compile(r"`(cjo [^`]+)`")
NAMED = re.compile(r"\bdocs/[\w/-]+\.(?:md|svg|png)")
PYTHON = re.compile(r"^ *```python\n(.*?)^ *```", flags=re.MULTILINE | re.DOTALL)
PROMPT = re.compile(r"^(?:\$ )?(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?(cjo .+)$")
HELP_BY_ARGPARSE = {"bench"}
OPTIONAL = re.compile(r"\[([^\]]+)\]")
END_OF_COMMAND = re.compile(r" [|>&;]")


def _pages() -> list[Path]:
    found: list[Path] = []
    for folder, folders, files in os.walk(PROJECT):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in SKIPPED]
        found += [Path(folder, name) for name in files if name.endswith(".md")]
    return sorted(found)


PAGES = _pages()
NAMES = [path.relative_to(PROJECT).as_posix() for path in PAGES]
DOCS = PROJECT / "docs"


@cache
def _anchors(page: Path) -> frozenset[str]:
    """Return the anchors that GitHub makes of the headings of a page."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    anchors: list[str] = []
    for heading in re.findall(r"^#+ +(.+?)\s*$", text, flags=re.MULTILINE):
        words = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        same = sum(found == anchor or re.fullmatch(rf"{re.escape(anchor)}-\d+", found) is not None for found in anchors)
        anchors.append(f"{anchor}-{same}" if same else anchor)
    return frozenset(anchors)


def _links(page: Path) -> list[str]:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return [target for target in LINK.findall(text) if not EXTERNAL.match(target)]


def _broken(page: Path) -> list[str]:
    broken = []
    for target in _links(page):
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        is_broken_anchor = anchor and file.suffix == ".md" and file.exists() and anchor not in _anchors(file)
        if not file.exists() or is_broken_anchor:
            broken.append(target)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    assert _broken(page) == []


def test_every_page_of_docs_is_reached_from_the_index() -> None:
    reached, waiting = set[Path](), [DOCS / "index.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        for target in _links(page):
            file = (page.parent / target.partition("#")[0]).resolve()
            if file.suffix == ".md" and file.is_relative_to(DOCS):
                waiting.append(file)
    missing = {page for page in PAGES if page.is_relative_to(DOCS)} - reached
    assert sorted(page.relative_to(DOCS).as_posix() for page in missing) == []


def _commands(page: Path) -> list[str]:
    """Return the `cjo` commands of a page: in code spans, in indented blocks and in fenced blocks."""
    text = page.read_text(encoding="utf-8")
    found = [" ".join(span.split()) for span in CODE_SPAN.findall(FENCE.sub("", text))]
    for line in text.replace("\\\n", " ").splitlines():
        match = PROMPT.match(line.strip())
        if match:
            found.append(match[1])
    return found


@cache
def _root() -> Any:
    return typer.main.get_command(app)


def _unknown(command: str) -> str | None:
    """Return what of a command does not exist: its name or one of its options."""
    words = shlex.split(command.replace("...", ""), comments=True)[1:]
    found = _root()
    while hasattr(found, "commands") and words and not words[0].startswith("-"):
        name = words.pop(0)
        if name not in found.commands:
            return name
        found = found.commands[name]
        if name in HELP_BY_ARGPARSE:
            return None
    parameters = found.get_params(found.context_class(found))
    known = {"--help", *(option for parameter in parameters for option in parameter.opts)}
    given = (word.strip("[]").partition("=")[0] for word in words)
    return next((word for word in given if word.startswith("--") and word not in known), None)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_command_shown_exists_with_its_options(page: Path) -> None:
    shown = [command for command in _commands(page) if re.match(r"cjo [a-z]", command)]
    assert {command: _unknown(command) for command in shown if _unknown(command) is not None} == {}


def _shell_lines(page: Path) -> list[str]:
    """Return the `cjo` commands of the indented and fenced blocks of a page, without what follows a pipe."""
    lines = page.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    found = [match[1] for line in lines if "`" not in line and (match := PROMPT.match(line.strip()))]
    return [END_OF_COMMAND.split(command)[0] for command in found]


def _refusal(command: str) -> str | None:
    """Return why the command line refuses a command of a block; None if it accepts it. Nothing is executed."""
    words = shlex.split(OPTIONAL.sub(r"\1", command), comments=True)[1:]
    found = _root()
    while hasattr(found, "commands"):
        if not words or words[0] not in found.commands:
            return f"no command {words[:1]}"
        found = found.commands[words.pop(0)]
        if found.name in HELP_BY_ARGPARSE:
            return None
    context = found.context_class(found)
    try:
        given, rest, _ = found.make_parser(context).parse_args(words)
        for parameter in found.get_params(context):
            value = given.get(parameter.name)
            if value is None and parameter.required:
                return f"no {parameter.name}"
            # A word in capitals is a placeholder.
            if value is not None and not str(value).isupper():
                parameter.process_value(context, value)
    except typer.TyperException as error:
        return str(error)
    return f"more than it takes: {rest}" if rest else None


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_command_of_a_block_is_accepted_by_the_command_line(page: Path) -> None:
    refused = {command: _refusal(command) for command in _shell_lines(page)}
    assert {command: reason for command, reason in refused.items() if reason is not None} == {}


def test_a_command_that_is_refused_is_found() -> None:
    assert _refusal("cjo run --as-of 2025-01-16 # another day") is None
    assert _refusal("cjo approve I-1 --by NAME") is None
    assert _refusal("cjo demo [--weeks NUMBER] [--out DIR]") is None
    assert _refusal("cjo demo --weeks many") is not None
    assert _refusal("cjo approve --by NAME") == "no intervention"
    assert _refusal("cjo run one two") is not None
    assert _refusal("cjo run --as-of") is not None


def test_a_command_that_does_not_exist_is_found() -> None:
    assert _unknown("cjo run --family marketing --as-of 2025-01-20") is None
    assert _unknown("cjo audit verify --expect HEAD") is None
    assert _unknown("cjo runs") == "runs"
    assert _unknown("cjo run --day 2025-01-20") == "--day"
    assert _unknown("cjo audit prove") == "prove"


@pytest.mark.parametrize("name", ["add_a_table", "add_a_dataset", "add_a_family"])
def test_python_examples_of_the_guides_can_be_imported(name: str) -> None:
    """Each example is executed as a module of the journey family."""
    blocks = PYTHON.findall((DOCS / "how-to" / f"{name}.md").read_text(encoding="utf-8"))
    assert len(blocks) == 1
    source = textwrap.dedent(blocks[0]).replace('"accounts", "pipeline"', '"evaluation", "risk"')
    exec(compile(source, name, "exec"), {"__name__": name, "__package__": "cjo_assets.families.journey"})


def test_pages_named_in_code_exist() -> None:
    named = {
        (path.relative_to(PROJECT).as_posix(), page)
        for folder in ("cjo_assets", "cjo_assets_tests", "benchmarks", "tools")
        for path in (PROJECT / folder).rglob("*.py")
        for page in NAMED.findall(path.read_text(encoding="utf-8"))
    }
    assert {(path, page) for path, page in named if not (PROJECT / page).exists()} == set()
    assert named
