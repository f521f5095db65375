"""Tests that each audit module registers the families it looks up, when it is the first module imported."""

import subprocess
import sys

import pytest

LOOK_UP = "import {module}; from cjo_assets.core.family import decision_table; print(decision_table().full_name)"


@pytest.mark.parametrize("module", ["cjo_assets.audit.verify.verify", "cjo_assets.audit.why.ask"])
def test_decision_table_is_known_in_a_new_process(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOOK_UP.format(module=module)], capture_output=True, text=True, check=False
    )
    assert done.stdout == "journey.recommended_interventions\n", done.stderr
