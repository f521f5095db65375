"""Faults of the environment: full and read-only disks, interrupts, and a published file that another program holds."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from cjo_assets.core.settings import PROJECT
from cjo_assets_tests.support.catalog import clean_environment
from cjo_assets_tests.support.chain import SAMPLE

CJO = str(Path(sys.executable).with_name("cjo"))


def cjo(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    return subprocess.run(
        [CJO, *arguments],
        cwd=PROJECT,
        env=clean_environment() | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home in which the journey's sample was run once."""
    path = tmp_path_factory.mktemp("published") / "home"
    done = cjo("run", "--family", "journey", "--data", str(SAMPLE), "--home", str(path))
    assert done.returncode == 0, done.stderr
    return path


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a file system in memory, whose size and mode the test sets by mounting it again."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"Tests of full and read-only disks need the right to mount: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def remount(folder: Path, options: str) -> None:
    """Change the options of a mounted file system."""
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


@pytest.mark.parametrize("size_megabytes", [20, 45], ids=["while computing", "while publishing"])
def test_a_full_disk_is_one_message(small_disk: Path, size_megabytes: int) -> None:
    remount(small_disk, f"size={size_megabytes}m")
    place = small_disk / "home"
    done = cjo("run", "--family", "journey", "--data", str(SAMPLE), "--home", str(place))
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    (message,) = [line for line in done.stderr.splitlines() if line.startswith("Error:")]
    assert f"Disk full at {place}" in message
    assert "a run needs up to 100 MB" in message
    assert "published tables are unchanged" in message
    assert not list(place.glob("cjo.*")), "neither a published database nor a part of one"
    examined = cjo("doctor", "--data", str(SAMPLE), "--home", str(place))
    assert examined.returncode == 1
    assert "Traceback" not in examined.stdout + examined.stderr
    assert any(line.split()[:2] == ["broken", "disk"] for line in examined.stdout.splitlines())


def test_a_read_only_home_can_be_read(home: Path, small_disk: Path) -> None:
    place = Path(shutil.copytree(home, small_disk / "home"))
    where = ("--home", str(place))
    waiting = cjo("pending", *where).stdout
    assert waiting.count("I-") >= 3
    # The run before leaves the instance file of this home behind, which a preview would write otherwise.
    cjo("doctor", "--data", str(SAMPLE), *where)
    remount(small_disk, "ro")
    assert cjo("pending", *where).stdout == waiting
    shown = cjo("run", "--customer", "C001", "--data", str(SAMPLE), *where)
    assert shown.returncode == 0, shown.stderr
    assert "C001" in shown.stdout
    for command in (("run", "--family", "journey"), ("approve", "I-3c7cc7866489", "--by", "maria.keller")):
        refused = cjo(*command, *where)
        assert refused.returncode == 1
        assert "Traceback" not in refused.stdout + refused.stderr
        assert str(place) in refused.stderr


def test_an_interrupted_run_publishes_nothing_and_prints_one_line(tmp_path: Path) -> None:
    run = subprocess.Popen(
        [CJO, "run", "--family", "journey", "--data", str(SAMPLE), "--home", str(tmp_path)],
        cwd=PROJECT,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert run.stdout is not None
    lines = []
    for line in run.stdout:
        lines.append(line)
        if "journey.signals:" in line:
            # As a terminal does on Ctrl-C: every process of the group is interrupted.
            os.killpg(run.pid, signal.SIGINT)
    said = "".join(lines)
    assert run.wait() == 130, said
    assert "Traceback" not in said
    assert "Interrupted. The run has published nothing." in said
    assert not (tmp_path / "cjo.duckdb").exists()


def test_export_beside_a_writer_prints_one_message(home: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(home, tmp_path / "home"))
    with duckdb.connect(str(copy / "cjo.duckdb")):
        done = cjo("export", "--home", str(copy), "--out", str(tmp_path / "out"))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert f"The database {copy / 'cjo.duckdb'} cannot be opened" in done.stderr


def test_doctor_passes_where_one_family_has_files(home: Path, tmp_path: Path) -> None:
    shutil.copytree(SAMPLE / "journey", tmp_path / "data" / "journey")
    done = cjo("doctor", "--data", str(tmp_path / "data"), "--home", str(home))
    assert done.returncode == 0, done.stdout
    assert "marketing: no files in" in done.stdout
    assert "broken" not in done.stdout
