"""Tests of the comparison of commits, on a repository of two commits whose Makefile and command only record calls."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import commits
from benchmarks.against import compare
from benchmarks.commits import resolved
from benchmarks.days import measure_days
from benchmarks.processes import run_measured
from benchmarks.samples import NOW, THEN, Sample, append, read

# Every call is recorded beside the repository, with the version of the commit and the settings that it received.
MAKEFILE = """\
.venv/.installed:
\t@mkdir -p .venv/bin && cp cjo .venv/bin/cjo && chmod +x .venv/bin/cjo && touch $@
\t@echo "$(shell cat version) install" >> {calls}
run: .venv/.installed
\t@echo "$(shell cat version) make run" >> {calls}
"""
PROGRAM = """\
#!/bin/sh
echo "$(cat "$(dirname "$0")/../../version") $1 $3 $5 $7 ${{CJO_HOME:-unset}}" >> {calls}
"""
BURNS = "import sys, time; [None for _ in range(3_000_000)]; open(sys.argv[1], 'w').write(str(time.process_time()))"


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the repository, and return the file of its calls."""
    repository, calls = tmp_path / "repository", tmp_path / "calls.txt"
    repository.mkdir()
    (repository / "Makefile").write_text(MAKEFILE.format(calls=calls), encoding="utf-8")
    (repository / "cjo").write_text(PROGRAM.format(calls=calls), encoding="utf-8")
    git = ["git", "-C", str(repository), "-c", "user.name=test", "-c", "user.email=test@example.org"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    for version in ("old", "new"):
        (repository / "version").write_text(version, encoding="utf-8")
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "--quiet", "--message", version], check=True)
    monkeypatch.setattr(commits, "PROJECT", repository)
    monkeypatch.setenv("CJO_HOME", str(tmp_path / "home"))
    return calls


def test_both_commits_are_installed_and_run_in_turn(calls: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    compare("HEAD~1", ["second_run", "backfill"], 2, 2, tmp_path / "results", page)
    days = "run journey 2025-01-19 2025-01-20 unset"
    assert calls.read_text(encoding="utf-8").splitlines() == [
        *("old install", "new install", "old make run", "new make run", "old make run", "new make run"),
        *(f"old {days}", f"new {days}"),
        *("new install", "old install", "new make run", "old make run", "new make run", "old make run"),
        *(f"new {days}", f"old {days}"),
    ]
    text = page.read_text(encoding="utf-8")
    then, now = resolved("HEAD~1")[:7], resolved("HEAD")[:7]
    assert f"| processor time | {then} [s] | {now} [s] | now / then | target |  |" in text
    assert "| first `make run` after installing |" in text
    assert "| (i) 2-day backfill, journey |" in text
    assert "further day of a range" not in text


def test_an_unknown_commit_and_an_unknown_measure_are_errors(calls: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="has no commit nowhere"):
        compare("nowhere", [], 1, 2, tmp_path, tmp_path / "page.md")
    with pytest.raises(SystemExit, match="Unknown measure speed"):
        compare("HEAD", ["speed"], 1, 2, tmp_path, tmp_path / "page.md")
    assert not calls.exists()


def test_the_last_sample_of_a_round_counts_and_other_commits_do_not(tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    for then, side, number, spent in [
        ("a", THEN, 0, 1.0),
        ("a", THEN, 0, 2.0),
        ("a", NOW, 0, 3.0),
        ("a", THEN, 1, 4.0),
        ("other", THEN, 1, 5.0),
    ]:
        append(results, Sample(then, "b", side, "first_run", number, spent, spent, 0.5))
    assert [(one.side, one.round, one.cpu_seconds) for one in read(results, "a", "b")] == [
        (THEN, 0, 2.0),
        (NOW, 0, 3.0),
        (THEN, 1, 4.0),
    ]
    assert read(tmp_path / "missing.jsonl", "a", "b") == []


def test_days_of_this_folder_replace_their_samples_and_keep_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command of this folder is replaced by one that does nothing."""
    page = tmp_path / "page.md"
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    program = tmp_path / "cjo"
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    measure_days(["further_day", "backfill"], 2, 5, tmp_path, page)
    measure_days(["backfill"], 1, 5, tmp_path, page)
    samples = read(tmp_path / "days.jsonl", "", "")
    assert [one.round for one in samples if one.process == "journey 5"] == [0]
    assert [one.round for one in samples if one.process == "marketing 3"] == [0, 1]
    text = page.read_text(encoding="utf-8")
    assert "| (h) a further day of a range, marketing |" in text
    assert "| (i) 5-day backfill, journey |" in text


def test_processor_time_includes_the_children_of_a_process(tmp_path: Path) -> None:
    """A shell does nothing itself; its child records what it used."""
    spent = tmp_path / "spent.txt"
    command = ["sh", "-c", f'"{sys.executable}" -c "$0" "{spent}"; true', BURNS]
    used = run_measured("child", command, tmp_path, {}, tmp_path / "output.txt")
    assert used.cpu_seconds >= float(spent.read_text(encoding="utf-8")) > 0
    assert used.peak_bytes > 0


def test_a_failed_process_shows_its_output(tmp_path: Path) -> None:
    command = ["sh", "-c", "echo no disk; exit 3"]
    with pytest.raises(SystemExit, match=r"(?s)child failed with exit code 3 .*no disk"):
        run_measured("child", command, tmp_path, {}, tmp_path / "output.txt")
