"""Requests to a language model about marketing: the summary of a day, and the text on a campaign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cjo_assets.families.marketing.purposes import CAMPAIGN, SUMMARY
from cjo_assets.families.marketing.report.summary import CHARACTERS_PER_TOKEN, campaign_figures, campaign_words
from cjo_assets.language.requests import Asking, Request, request_of
from cjo_assets.policy.marketing import MarketingReporting
from cjo_assets.reporting.document import Record
from cjo_assets.reporting.summary import Figure

Row = dict[str, Any]

SUMMARY_TASK = (
    "Write a short paragraph for an executive: what marketing spent and is estimated to have brought, on which "
    "evidence, how campaigns and experiments stand, what risks and budget moves need a person, and how many next "
    "steps follow."
)
CAMPAIGN_TASK = (
    "Write a few sentences for a marketing manager about one campaign: what it spent of its budget and its time, "
    "what it is judged by and how it stands, and what it is estimated to have brought."
)


def asking_of(rules: MarketingReporting) -> Asking:
    """Return the settings of the marketing policy; the length is that of the rules' paragraph."""
    return Asking(
        rules.llm_model,
        rules.temperature,
        rules.llm_summary_max_tokens,
        rules.llm_summary_max_tokens * CHARACTERS_PER_TOKEN,
        rules.llm_timeout_seconds,
    )


def marketing_summary_request(
    figures: Mapping[str, Figure], roi: Row, kpi_status: Sequence[Row], asking: Asking
) -> Request:
    """Return the request for the paragraph below the verdict.

    Args:
        figures: as `marketing_summary_figures` returns them.
        roi: the row of `roi_analysis`.
        kpi_status: the rows of `kpi_status`.
        asking: model and settings.
    """
    words = {
        "weakest_evidence": roi["value_evidence_grade"],
        "status_of_kpi_families": {row["family"]: row["status"] for row in kpi_status},
    }
    return request_of(SUMMARY, SUMMARY_TASK, figures.values(), words, asking)


def campaign_request(campaign: Record, asking: Asking) -> Request:
    """Return the request for a few sentences on a campaign, given its row of `campaign_analysis`."""
    words = campaign_words(campaign)
    return request_of(
        CAMPAIGN, CAMPAIGN_TASK, campaign_figures(campaign).values(), words, asking, tuple(words.values())
    )
