"""Requests to a language model about the journey: the summary of a day, and the message of an intervention.

Ids and names of customers are not sent; neither are risk, value or any other assessment of a customer in a message that
the customer may read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cjo_assets.families.journey.purposes import MESSAGE, SUMMARY
from cjo_assets.families.journey.report.messages import intervention_figures, intervention_words
from cjo_assets.families.journey.report.summary import summary_figures
from cjo_assets.language.requests import Asking, Request, request_of
from cjo_assets.policy.journey_value import Reporting

Row = dict[str, Any]

SUMMARY_TASK = (
    "Write a short paragraph for an executive: who is at risk, what was decided and what waits for people, what "
    "the executed interventions cost and are estimated to be worth, on which evidence, and how the KPIs stand."
)
MESSAGE_TASK = (
    "Write a few friendly sentences to the customer, without salutation or signature: where the customer stands, "
    "and which next step we offer. Do not mention risk, scores, signals, playbooks or that anything is observed."
)


def asking_of(rules: Reporting) -> Asking:
    """Return the settings of the journey's policy."""
    return Asking(
        rules.llm_model,
        rules.temperature,
        rules.llm_max_tokens,
        rules.llm_max_characters,
        rules.llm_timeout_seconds,
    )


def summary_request(day: Row, roi: Row, kpi_status: Sequence[Row], rules: Reporting) -> Request:
    """Return the request for the paragraph below the verdict.

    Args:
        day: the row of `journey_summary`.
        roi: the row of `roi_estimate`.
        kpi_status: the rows of `kpi_status`.
        rules: model and settings.
    """
    words = {
        "weakest_evidence": roi["evidence_grade"],
        "compared_value_against_zero": roi["compared_value_status"],
        "status_of_kpi_families": {row["family"]: row["status"] for row in kpi_status},
    }
    return request_of(SUMMARY, SUMMARY_TASK, summary_figures(day, roi).values(), words, asking_of(rules))


def message_request(intervention: Row, rules: Reporting) -> Request:
    """Return the request for the message that accompanies an intervention.

    Args:
        intervention: as `messages.intervention_figures` and `messages.intervention_words` read it.
        rules: model and settings.
    """
    words = intervention_words(intervention)
    figures, asking = intervention_figures(intervention), asking_of(rules)
    return request_of(MESSAGE, MESSAGE_TASK, figures, words, asking, tuple(words.values()))
