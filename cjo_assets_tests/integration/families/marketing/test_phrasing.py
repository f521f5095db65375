"""Generated texts of the marketing report: by a model with verified figures, or by the rules, and which of both."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cjo_assets.families.marketing.report.reading import marketing_figures
from cjo_assets.families.marketing.report.summary import CHARACTERS_PER_TOKEN
from cjo_assets.families.marketing.report.texts import MarketingWords
from cjo_assets.language.answers import INVENTED, TOO_LONG, Reply
from cjo_assets.language.client import NOT_CONFIGURED, Endpoint
from cjo_assets.language.memory import NOT_TRIED
from cjo_assets.policy import Policy
from cjo_assets.reporting.summary import Summary
from cjo_assets_tests.support.chain import LAST_DAY, Chain
from cjo_assets_tests.support.rows import policy_with

REPORTING = "marketing__reporting__"
LOOPBACK = Endpoint("http://localhost")


def rules(**changes: Any) -> Policy:
    """Return the policy with settings of the report changed."""
    return policy_with(**{f"{REPORTING}{name}": value for name, value in changes.items()})


class Model:
    """A model that answers with one text, and records its requests.

    Names in braces are replaced by the figures that it was given.
    """

    def __init__(self, text: str | None) -> None:
        """Take the answer; None fails."""
        self.text = text
        self.asked: list[tuple[dict[str, Any], float]] = []

    def __call__(self, _: Endpoint, body: dict[str, Any], timeout_seconds: float) -> Reply:
        """Answer."""
        self.asked.append((body, timeout_seconds))
        if self.text is None:
            return Reply(None, "the endpoint was away")
        given = json.loads(body["messages"][1]["content"])["figures"]
        return Reply(self.text.format(**{name: figure["text"] for name, figure in given.items()}))


@pytest.fixture
def chain(marketing_sample: Chain) -> Iterator[Chain]:
    """Return the sample month, without calls of a model."""
    yield marketing_sample
    marketing_sample.store.connection.execute("DELETE FROM audit.language_model_calls")


def texts(
    chain: Chain, model: Model, policy: Policy, endpoint: Endpoint | None = LOOPBACK
) -> tuple[Summary, tuple[Summary, ...]]:
    """Return the paragraph of the day and the sentences on campaigns."""
    words = MarketingWords(chain.store, LAST_DAY, policy, endpoint, model)
    figures = marketing_figures(chain.store, LAST_DAY, policy, words)
    assert figures.paragraph is not None
    return figures.paragraph, figures.insights


def test_without_a_model_the_rules_write_and_give_the_reason(chain: Chain) -> None:
    model = Model("Nothing to add.")
    paragraph, insights = texts(chain, model, rules(enable_llm_insights=True), None)
    assert (paragraph.fallback_reason, [text.fallback_reason for text in insights]) == (
        NOT_CONFIGURED,
        [NOT_CONFIGURED] * 3,
    )
    assert insights[0].text == (
        "Spring Promo Awareness (active) has spent 4,200.00 of 15,000.00 with 100 % of its time passed. Its conversion "
        "rate is 0.352 % against a target of 0.3 %: meeting expectations. It brought 491 conversions, estimated at "
        "17,650.00; net of all its cost, 13,291.50."
    )
    off, none = texts(chain, model, rules(enable_llm_summary=False))
    assert (off.fallback_reason, off.provenance, none) == (None, "rule-based", ())
    assert off.text == paragraph.text
    assert model.asked == []


def test_a_model_is_called_once_and_its_figures_are_verified(chain: Chain) -> None:
    model = Model("By {as_of}, media cost {total_spend} and {scale} experiment is worth scaling.")
    for _ in range(2):
        paragraph, _ = texts(chain, model, rules())
        assert paragraph.provenance == "phrased by gpt-4o-mini, numbers checked"
        assert paragraph.text == "By 2026-03-31, media cost 10,500.00 and 1 experiment is worth scaling."
    [(body, seconds)] = model.asked
    assert (body["model"], body["temperature"], body["max_tokens"], seconds) == ("gpt-4o-mini", 0.3, 500, 20)
    [call] = chain.rows("FROM audit.language_model_calls")
    assert (call["purpose"], call["outcome"], call["as_of"]) == ("marketing_summary", "used", LAST_DAY)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Media cost 10,499.00.", INVENTED),
        ("Well. " * 400, TOO_LONG),
        (None, "the endpoint was away"),
    ],
)
def test_what_does_not_hold_is_not_shown(chain: Chain, text: str | None, reason: str) -> None:
    model = Model(text)
    paragraph, insights = texts(chain, model, rules(enable_llm_insights=True, llm_insights_max_campaigns=2))
    assert (paragraph.model, paragraph.fallback_reason) == (None, reason)
    assert len(paragraph.text) <= 500 * CHARACTERS_PER_TOKEN
    # After a call that failed the rest is not tried.
    assert {text.fallback_reason for text in insights} == {reason if text else NOT_TRIED}
    assert len(model.asked) == (3 if text else 1)


def test_the_policy_sets_the_parameters_of_requests(chain: Chain) -> None:
    """Each setting of the seed reaches the endpoint, or decides whether it is called at all."""
    model = Model("The tables have it all.")
    changed = {"llm_model": "other", "temperature": 0.9, "llm_summary_max_tokens": 50, "llm_timeout_seconds": 3.0}
    paragraph, insights = texts(chain, model, rules(**changed, enable_llm_insights=True, llm_insights_max_campaigns=1))
    asked = [(body["model"], body["temperature"], body["max_tokens"], seconds) for body, seconds in model.asked]
    assert asked == [("other", 0.9, 50, 3.0)] * 2
    assert [text.model for text in (paragraph, *insights)] == ["other", "other"]
    tasks = [body["messages"][0]["content"] for body, _ in model.asked]
    assert "for an executive" in tasks[0]
    assert "about one campaign" in tasks[1]
