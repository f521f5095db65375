"""The statements that all tests of a session share, whichever process computes: writing them is most of a day's cost.

Tables as declared make the same statement for the same day and policy. Of tables that a test declares itself nothing is
kept. Where CJO_COMPILED is set, its folder is used, and left as it is for the next session.
"""

import os
import tempfile
from pathlib import Path

from cjo_assets.catalog import all_families
from cjo_assets.engine.statement_files import StatementFiles
from cjo_assets.engine.statements import Statements

FOLDER = "CJO_COMPILED"
IS_OURS = not os.environ.get(FOLDER)
KEPT_IN = os.environ.get(FOLDER) or tempfile.mkdtemp(prefix="cjo_compiled")
os.environ[FOLDER] = KEPT_IN
# The partitions of a process are those of the home that it begins with; tests have many homes.
os.environ["CJO_PARTITIONS"] = "all"
STATEMENTS = Statements(2_000, StatementFiles(Path(KEPT_IN), all_families()))
# Scratch databases read earlier days elsewhere than the tables of a run do, so their statements are their own.
PAST_STATEMENTS = Statements(500, StatementFiles(Path(KEPT_IN) / "past", all_families()))


def clean_environment() -> dict[str, str]:
    """Return the environment of a process that shares our statements and no other setting."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("CJO_", "DAGSTER_"))}
    return clean | {FOLDER: KEPT_IN}
