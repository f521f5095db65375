"""Texts of the marketing report that a language model may word, and the words of the rules otherwise.

Each call is recorded before its answer is used, and a request with an answer is not made again. After a failed call the
rest of the report is not tried.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import partial

from cjo_assets.engine.store import Store
from cjo_assets.families.marketing.report.requests import asking_of, campaign_request, marketing_summary_request
from cjo_assets.families.marketing.report.summary import campaign_summary, marketing_summary
from cjo_assets.language.answers import Judgement
from cjo_assets.language.client import NOT_CONFIGURED, Endpoint, ask
from cjo_assets.language.memory import NOT_TRIED, Ask, asked, remembered
from cjo_assets.language.requests import Request
from cjo_assets.policy import Policy
from cjo_assets.reporting.document import Record, Row
from cjo_assets.reporting.summary import Figure, Summary


@dataclass
class MarketingWords:
    """Texts of one report.

    Attributes:
        store: the store that records calls.
        as_of: the day.
        policy: the texts to generate, and the settings of the model.
        endpoint: the model's endpoint; None without one.
        ask_model: the client function.
    """

    store: Store
    as_of: date
    policy: Policy
    endpoint: Endpoint | None = field(default_factory=Endpoint.from_environment)
    ask_model: Ask = ask

    def __post_init__(self) -> None:
        """Determine whether requests can be sent."""
        self._asking = asking_of(self.policy.marketing.reporting)
        self._problem = NOT_CONFIGURED if self.endpoint is None else self.endpoint.problem()

    def summary(self, figures: Mapping[str, Figure], roi: Row, kpi_status: list[Row]) -> Summary:
        """Return the paragraph below the verdict."""
        rules = self.policy.marketing.reporting

        def by_rules(reason: str | None = None) -> Summary:
            return marketing_summary(figures, roi, kpi_status, rules.llm_summary_max_tokens, reason)

        if not rules.enable_llm_summary:
            return by_rules()
        return self._phrased(marketing_summary_request(figures, roi, kpi_status, self._asking), by_rules)

    def insights(self, campaigns: list[Record]) -> tuple[Summary, ...]:
        """Return a few sentences on each of the first campaigns; none where the policy disables them."""
        rules = self.policy.marketing.reporting
        if not rules.enable_llm_insights:
            return ()
        return tuple(
            self._phrased(campaign_request(campaign, self._asking), partial(campaign_summary, campaign))
            for campaign in campaigns[: rules.llm_insights_max_campaigns]
        )

    def _phrased(self, request: Request, by_rules: Callable[[str | None], Summary]) -> Summary:
        judgement = remembered(self.store, request, self._asking)
        if judgement is None and self._problem is None and self.endpoint is not None:
            judgement, has_failed = asked(
                self.store, self.as_of, self.policy, request, self._asking, self.endpoint, self.ask_model
            )
            self._problem = NOT_TRIED if has_failed else None
        found = judgement or Judgement(problem=self._problem)
        return Summary(found.passages, self._asking.model) if found.problem is None else by_rules(found.problem)
