"""The Dagster code location: everything under `defs/`, run in one process so that one connection writes."""

from pathlib import Path

import dagster as dg

# A step is executed once the tables that it reads are there, even if another table of their step failed.
EXECUTOR = dg.in_process_executor.configured(
    {"step_dependency_config": {"require_upstream_step_success": False}}, name="in_process"
)


@dg.definitions
def defs() -> dg.Definitions:
    """Load the declarations of `defs/`."""
    return dg.Definitions.merge(
        dg.load_from_defs_folder(path_within_project=Path(__file__).parent),
        dg.Definitions(executor=EXECUTOR),
    )
