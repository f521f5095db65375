"""Tests that each audit module registers the families it looks up, when it is the first module imported."""

import subprocess
import sys

import pytest

LOOK_UP = (
    "import {module}; from cjo_assets.core.family import deciding_family; "
    "print(deciding_family().chain.decisions.full_name)"
)


@pytest.mark.parametrize("module", ["cjo_assets.audit.verify.verify", "cjo_assets.audit.why.ask"])
def test_the_decisions_of_the_first_ledger_are_known_in_a_new_process(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOOK_UP.format(module=module)], capture_output=True, text=True, check=False
    )
    assert done.stdout == "journey.recommended_interventions\n", done.stderr
