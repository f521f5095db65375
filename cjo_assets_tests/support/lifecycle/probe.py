"""The probe of the lifecycle policy: the sample with further rows, so that every setting has an effect."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from cjo_assets.families.lifecycle.report.reading import lifecycle_figures, write_lifecycle_report
from cjo_assets.families.lifecycle.report.report import lifecycle_report
from cjo_assets.language.memory import Ask
from cjo_assets.policy import Policy
from cjo_assets.reporting.document import Document
from cjo_assets_tests.support.chain import SAMPLE, read_rows
from cjo_assets_tests.support.lifecycle.probe_decisions import DECISION_ROWS
from cjo_assets_tests.support.lifecycle.probe_experiments import EXPERIMENT_ROWS
from cjo_assets_tests.support.lifecycle.probe_operation import OPERATION_ROWS
from cjo_assets_tests.support.lifecycle.probe_rows import DAY, day_of, event, instant_of
from cjo_assets_tests.support.lifecycle.probe_success import SUCCESS_ROWS
from cjo_assets_tests.support.lifecycle.probe_support import SUPPORT_ROWS
from cjo_assets_tests.support.probe import Probe
from cjo_assets_tests.support.rows import Rows

# Organizations and the days since their signup.
SIGNUPS = {
    "P_OLD": 200,  # its deal began before the window
    "P_SENT_2": 20,  # the form was sent two days ago
    "P_SENT_6": 20,  # the form was sent six days ago: the last reminder is due tomorrow
    "P_WAITS": 10,  # it waits for research, longer than a week
    "P_TRIAL": 20,  # a trial without a recorded end
}
EVENTS = [
    event("research_completed", 199, "P_OLD", "D_OLD"),
    event("requirements_sent", 2, "P_SENT_2", "D_SENT_2"),
    event("requirements_sent", 6, "P_SENT_6", "D_SENT_6"),
    event("trial_started", 20, "P_TRIAL", "S_TRIAL"),
    *(
        event("invoice_issued", days + 14, "C001", f"I_{days}", amount=1.0, due_at=day_of(days))
        for days in (6, 13, 20, 30)
    ),
]


class LifecycleProbe(Probe):
    """The sample, and rows for what does not happen in it."""

    family, day = "lifecycle", DAY
    write = staticmethod(write_lifecycle_report)

    def written(self, folder: Path) -> Path:
        """Copy the files, add the rows, and return their folder."""
        copied = Path(shutil.copytree(SAMPLE / "lifecycle", folder / "lifecycle"))
        signups: Rows = [
            {
                "customer_id": name,
                "name": name,
                "industry": "retail",
                "signed_up_at": instant_of(days),
                "village_opt_in": False,
            }
            for name, days in SIGNUPS.items()
        ]
        own: dict[str, Rows] = {"organizations": signups, "lifecycle_events": EVENTS}
        for added in (own, SUPPORT_ROWS, SUCCESS_ROWS, OPERATION_ROWS, EXPERIMENT_ROWS, DECISION_ROWS):
            for dataset, rows in added.items():
                path = copied / f"{dataset}.json"
                path.write_text(json.dumps([*read_rows(copied, dataset), *rows]), encoding="utf-8")
        return folder

    def prepare(self) -> None:
        """Add nothing."""

    def document(self, policy: Policy) -> Document:
        """Return the report that a policy would show of the probe's tables."""
        figures = lifecycle_figures(self.store, self.day, policy)
        return lifecycle_report(replace(figures, policy_hash="", policy_version=""))

    def phrased(self, policy: Policy, say: Ask) -> Any:
        """Return nothing: no text of the family is generated."""
        del policy, say
