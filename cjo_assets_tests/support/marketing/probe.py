"""The probe of the marketing policy: the sample month with further rows."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from cjo_assets.families.marketing.recommendations.budget_proposals import BUDGET_CUT, BUDGET_RISE
from cjo_assets.families.marketing.report.reading import marketing_figures, write_marketing_report
from cjo_assets.families.marketing.report.report import marketing_report
from cjo_assets.families.marketing.report.texts import MarketingWords
from cjo_assets.language.memory import Ask
from cjo_assets.policy import Policy
from cjo_assets.reporting.document import Document
from cjo_assets_tests.support.chain import LAST_DAY, SAMPLE
from cjo_assets_tests.support.marketing.probe_rows import add_rows
from cjo_assets_tests.support.probe import LOOPBACK, Probe


class MarketingProbe(Probe):
    """The sample month, and rows for what does not happen in it."""

    family, day = "marketing", LAST_DAY
    write = staticmethod(write_marketing_report)

    def __init__(self, folder: Path, policy: Policy | None = None) -> None:
        """Write, load and compute the probe."""
        super().__init__(folder, policy)
        # Budgets are short or in excess, never both on one day: a short one is reported with it.
        self.store.connection.execute(
            f"""INSERT INTO marketing.budget_proposals SELECT * REPLACE (
                '{BUDGET_RISE}' AS kind, to_campaign_id AS from_campaign_id, from_campaign_id AS to_campaign_id,
                NULL AS is_spent_anyway, from_roas AS to_roas, NULL AS from_roas
            ) FROM marketing.budget_proposals WHERE kind = '{BUDGET_CUT}'"""
        )

    def written(self, folder: Path) -> Path:
        """Copy the files, add the rows, and return their folder."""
        add_rows(Path(shutil.copytree(SAMPLE / "marketing", folder / "marketing")))
        return folder

    def prepare(self) -> None:
        """Add nothing."""

    def phrased(self, policy: Policy, say: Ask) -> Any:
        """Return the texts of the day under a policy, as a language model would write them."""
        words = MarketingWords(self.store, self.day, policy, LOOPBACK, say)
        figures = marketing_figures(self.store, self.day, policy, words)
        return figures.paragraph, figures.insights

    def document(self, policy: Policy) -> Document:
        """Return the report that a policy would show of the probe's tables."""
        figures = marketing_figures(self.store, self.day, policy)
        return marketing_report(replace(figures, policy_hash="", policy_version=""))
