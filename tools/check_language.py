"""Check of prose against the words that CONTEXT.md lists as avoided.

It reads Markdown, HTML templates, docstrings, comments, messages (string literals with a space), the names of tests,
and the comments of YAML files. Code spans, code blocks, SQL and names of arguments are exempt, and releases in
CHANGELOG.md that are out.

    python -m tools.check_language              the whole repository, as `make check` does
    python -m tools.check_language PATH ...     these files and folders
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONTEXT = ROOT / "CONTEXT.md"

EXEMPT = ("CONTEXT.md",)
SUFFIXES = (".html", ".md", ".py", ".yaml")

TERM = re.compile(
    r"^\*\*(?P<name>[^*]+)\*\*: (?P<meaning>[^\n].*?)\n\*Avoid\*: (?P<words>.+?)$", re.MULTILINE | re.DOTALL
)
CODE = re.compile(r"^(```|~~~).*?^\1|^(?: {4}|\t)[^\n]*|(`+)(?!`).+?(?<!`)\2(?!`)", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(`+)[^`\n](?:[^`]*?[^`])?\1(?!`)|^ +\w+:(?= )", re.MULTILINE)
SQL = re.compile(r"\b(?:SELECT|FROM|WHERE|INSERT|UPDATE|DELETE|CREATE)\b")
JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
PLACEHOLDER = "\N{OBJECT REPLACEMENT CHARACTER}"
PUBLISHED = "## Published texts"
RELEASED = "\n## 0.1.0"


@dataclass(frozen=True)
class Term:
    """A term of CONTEXT.md.

    Attributes:
        name: the term to use.
        meaning: its definition.
        avoid: the words that it replaces.
    """

    name: str
    meaning: str
    avoid: tuple[str, ...]


@dataclass(frozen=True)
class Vocabulary:
    """The terms, and the published texts that may contain avoided words."""

    terms: tuple[Term, ...]
    published: tuple[str, ...]

    def use(self, word: str) -> str:
        """Return the term to use for an avoided word."""
        plain = " ".join(word.lower().split())
        return next(term.name for term in self.terms if plain in term.avoid)

    def pattern(self) -> re.Pattern[str]:
        """Return a pattern for all avoided words, whole and with a line break between two words at most."""
        words = sorted((word for term in self.terms for word in term.avoid), key=len, reverse=True)
        spaced = (r"[ \t]*\n?[ \t]*".join(map(re.escape, word.split())) for word in words)
        return re.compile(r"(?<![\w-])(?:" + "|".join(spaced) + r")(?![\w-])", re.IGNORECASE)


def vocabulary(text: str) -> Vocabulary:
    """Read the terms and the published texts from the text of CONTEXT.md."""
    terms, _, published = text.partition(PUBLISHED)
    found = (
        Term(
            entry["name"],
            " ".join(entry["meaning"].split()),
            tuple(" ".join(w.split()) for w in entry["words"].split(",")),
        )
        for entry in TERM.finditer(terms)
    )
    return Vocabulary(tuple(found), tuple(re.findall(r"^- `(.+)`$", published, re.MULTILINE)))


def avoided_words(path: Path, words: Vocabulary) -> Iterator[tuple[int, str]]:
    """Yield line and avoided word of a file."""
    pattern = words.pattern()
    for line, passage in passages(path):
        text = passage
        for published in words.published:
            text = text.replace(published, "`" * len(published))
        for match in pattern.finditer(text):
            yield line + text.count("\n", 0, match.start()), " ".join(match.group().split())


def passages(path: Path) -> Iterator[tuple[int, str]]:
    """Yield first line and text of every passage of prose in a file, without code."""
    text = path.read_text("utf-8")
    if path.suffix == ".md":
        yield 1, CODE.sub(_blanked, text.partition(RELEASED)[0] if path.name == "CHANGELOG.md" else text)
    elif path.suffix == ".html":
        yield 1, JINJA.sub(_blanked, text)
    elif path.suffix == ".py":
        tree = ast.parse(text)
        yield from ((line, SPAN.sub(_blanked, passage)) for line, passage in (*_literals(tree), *_comments(text)))
        if path.name.startswith("test_"):
            yield from _test_names(tree)
    else:
        yield from ((line, SPAN.sub(_blanked, passage)) for line, passage in _hash_comments(text))


def sources() -> list[Path]:
    """Return the files that the check covers."""
    folders = [path for path in sorted(ROOT.iterdir()) if not path.name.startswith((".", "warehouse", "tour"))]
    files = [file for path in folders for file in ([path] if path.is_file() else sorted(path.rglob("*")))]
    return [file for file in files if file.suffix in SUFFIXES and not _is_listed(file, EXEMPT)]


def main(arguments: list[str]) -> int:
    """Print every avoided word with the term to use; return 1 if there are any."""
    words = vocabulary(CONTEXT.read_text("utf-8"))
    files = sources()
    if arguments:
        given = [Path(argument).resolve() for argument in arguments]
        files = [file for path in given for file in ([path] if path.is_file() else sorted(path.rglob("*")))]
        files = [file for file in files if file.suffix in SUFFIXES and not _is_listed(file, EXEMPT)]
    count = 0
    for file in files:
        for line, word in sorted(avoided_words(file, words)):
            count += 1
            name = file.relative_to(ROOT) if file.is_relative_to(ROOT) else file
            print(f"{name}:{line}: {word} -> {words.use(word)}")
    print(f"{len(files)} files, {count} avoided words (CONTEXT.md)")
    return 1 if count else 0


def _is_listed(file: Path, names: tuple[str, ...]) -> bool:
    parents = (file, *file.parents)
    return any(ROOT / name in parents for name in names)


def _blanked(match: re.Match[str]) -> str:
    """Return a text of the same length and lines that matches no word."""
    return re.sub(r"[^\n]", "`", match.group())


def _literals(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield docstrings and other string literals except SQL; a value in an f-string is a placeholder."""
    parts: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts.update(map(id, node.values))
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else PLACEHOLDER for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            text = node.value
        else:
            continue
        if " " in text and not SQL.search(text):
            yield node.lineno, text


def _comments(text: str) -> Iterator[tuple[int, str]]:
    """Yield comments of Python; comments on lines that follow each other are one."""
    block: list[str] = []
    last = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.COMMENT:
            continue
        if block and token.start[0] != last + 1:
            yield last - len(block) + 1, "\n".join(block)
            block = []
        block.append(token.string.lstrip("# "))
        last = token.start[0]
    if block:
        yield last - len(block) + 1, "\n".join(block)


def _hash_comments(text: str) -> Iterator[tuple[int, str]]:
    """Yield comments of YAML."""
    for number, line in enumerate(text.splitlines(), 1):
        found = re.search(r"(?:^|\s)#(.*)", line)
        if found:
            yield number, found[1]


def _test_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the names of tests as words."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node.lineno, node.name.replace("_", " ")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
