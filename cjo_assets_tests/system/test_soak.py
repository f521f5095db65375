"""The short form of the fault campaign."""

import subprocess
import sys
from pathlib import Path

from cjo_assets.core.settings import PROJECT
from cjo_assets_tests.support.catalog import clean_environment

NONE = ("random-kills", "pairs", "publishes", "reads", "disks", "jumps", "losses")


def test_kills_leave_whole_days_and_every_decision_once(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    options = [f"--{name}=0" for name in NONE]
    command = [sys.executable, "-m", "benchmarks.soak", "--kills=2", *options]
    places = ["--folder", str(tmp_path / "homes"), "--page", str(page)]
    done = subprocess.run(
        [*command, *places], cwd=PROJECT, env=clean_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| killed before a statement or file call | 2 |  | 0 | 0 | 0 | 0 | 0 |" in page.read_text(encoding="utf-8")
