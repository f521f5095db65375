"""What a language model is asked about marketing: the figures of the day, or of a campaign, and what to make of them.

Belongs here: which figures and words are given. Does not belong here: how a question is put together (`requests.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cjo_assets.families.audit.language.language_model_calls import CAMPAIGN, MARKETING_SUMMARY
from cjo_assets.families.marketing.report.summary import campaign_figures, campaign_words
from cjo_assets.language.requests import Asking, Request, request_of
from cjo_assets.reporting.document import Record
from cjo_assets.reporting.summary import Figure

Row = dict[str, Any]


def marketing_summary_request(
    figures: Mapping[str, Figure], roi: Row, kpi_status: Sequence[Row], asking: Asking
) -> Request:
    """Ask for the paragraph below the verdict.

    Args:
        figures: as `marketing_summary_figures` returns them.
        roi: the row of `roi_analysis`.
        kpi_status: the rows of `kpi_status`.
        asking: which model, and how it is asked.
    """
    words = {
        "weakest_evidence": roi["value_evidence_grade"],
        "status_of_kpi_families": {row["family"]: row["status"] for row in kpi_status},
    }
    return request_of(MARKETING_SUMMARY, figures.values(), words, asking)


def campaign_request(campaign: Record, asking: Asking) -> Request:
    """Ask for a few sentences on a campaign, given its row of `campaign_analysis`."""
    words = campaign_words(campaign)
    return request_of(CAMPAIGN, campaign_figures(campaign).values(), words, asking, tuple(words.values()))
