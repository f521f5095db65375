"""Tests of one request over HTTP and its failures; only the endpoint gets the key."""

import time
from collections.abc import Iterator

import pytest

from cjo_assets.language.answers import TOO_LONG, UNREADABLE, Reply
from cjo_assets.language.client import (
    BROKEN,
    KEY_REPEATED,
    LARGEST_ANSWER,
    NOT_IN_TIME,
    NOT_REACHED,
    REFUSED,
    Endpoint,
    ask,
)
from cjo_assets_tests.support.model_server import KEY, ModelServer, completion, model_server

BODY = {"model": "m", "messages": [{"role": "user", "content": "\u00e9"}]}
PATIENCE = 5.0


@pytest.fixture
def model() -> Iterator[ModelServer]:
    """Return a model on loopback."""
    with model_server() as server:
        yield server


def test_a_question_and_its_answer(model: ModelServer) -> None:
    model.says("Well.", prompt_tokens=7, completion_tokens=2)
    assert ask(model.endpoint, BODY, PATIENCE) == Reply("Well.", None, None, 7, 2)
    [(path, headers, body)] = model.asked
    assert (path, headers["Authorization"], body) == ("/v1/chat/completions", f"Bearer {KEY}", BODY)


def test_without_a_key_none_is_sent(model: ModelServer) -> None:
    model.says("Well.")
    assert ask(Endpoint(model.base_url), BODY, PATIENCE).text == "Well."
    assert "Authorization" not in model.asked[0][1]


@pytest.mark.parametrize(
    ("status", "content", "problem"),
    [
        (500, b"boom", BROKEN),
        (503, b"", BROKEN),
        (429, f"slow down, {KEY}".encode(), REFUSED),
        (401, f"Incorrect API key provided: {KEY}".encode(), REFUSED),
        (404, b"", REFUSED),
        (302, b"", REFUSED),
        (200, b"", UNREADABLE),
        (200, b"{", UNREADABLE),
        (200, b"[]", UNREADABLE),
        (200, b"\xff\xfe{}", UNREADABLE),
        (200, b"[" * 100_000, UNREADABLE),
        (200, b'{"choices": []}', UNREADABLE),
        (200, b'{"choices": [{"message": {"content": [1]}}]}', UNREADABLE),
        (200, b'{"choices": [{"message": {}}]}', UNREADABLE),
        (200, b'{"choices": [{"message": {"content": "x"}}], "usage": 5}', UNREADABLE),
        (200, b" " * (LARGEST_ANSWER + 1), TOO_LONG),
        (200, completion("half a sen", "length"), TOO_LONG),
        (200, completion(f"Your key is {KEY}."), KEY_REPEATED),
    ],
)
def test_every_failure_has_its_reason_and_none_repeats_the_key(
    model: ModelServer, status: int, content: bytes, problem: str
) -> None:
    model.answer = lambda _: (status, content)
    reply = ask(model.endpoint, BODY, PATIENCE)
    assert reply.problem == problem
    assert KEY not in repr(reply)
    assert len(model.asked) == 1, "no request is repeated, and no redirection is followed"


def test_who_answers_too_late_has_not_answered(model: ModelServer) -> None:
    model.answer = lambda _: (time.sleep(1.0), (200, completion("Well.")))[1]  # type: ignore[func-returns-value]
    started = time.monotonic()
    assert ask(model.endpoint, BODY, 0.1).problem == NOT_IN_TIME
    assert time.monotonic() - started < 0.8


def test_a_slow_reply_ends_at_the_timeout(model: ModelServer) -> None:
    """Each byte is in time, and all of them together are not."""
    model.says("Well.")
    model.dripping = True
    started = time.monotonic()
    assert ask(model.endpoint, BODY, 0.2).problem == NOT_IN_TIME
    assert time.monotonic() - started < 1.0


def test_a_missing_server_is_an_error() -> None:
    assert ask(Endpoint("http://127.0.0.1:1/v1", KEY), BODY, PATIENCE).problem == NOT_REACHED


def test_what_is_no_text_to_store_is_made_one(model: ModelServer) -> None:
    model.answer = lambda _: (200, b'{"choices": [{"message": {"content": "a\\ud800b"}}]}')
    assert ask(model.endpoint, BODY, PATIENCE).text == "a?b"
    model.answer = lambda _: (200, completion(None))
    assert ask(model.endpoint, BODY, PATIENCE) == Reply("")


@pytest.mark.parametrize("count", ["7", -1, True, 2**40, None, 1.5])
def test_a_count_that_is_none_is_not_kept(model: ModelServer, count: object) -> None:
    model.says("Well.", prompt_tokens=count)
    assert ask(model.endpoint, BODY, PATIENCE).prompt_tokens is None


@pytest.mark.parametrize(
    ("base_url", "key", "part"),
    [
        ("https://models.example/v1", KEY, None),
        ("http://localhost:8000/v1", KEY, None),
        ("http://models.internal/v1", None, None),
        ("http://models.internal/v1", KEY, "not https"),
        ("ftp://models.example", None, "no http address"),
        ("models.example/v1", None, "no http address"),
        ("https://user:password@models.example/v1", None, "names a user"),
        ("http://[broken", None, "no http address"),
        ("https://models.example:notaport", None, "no http address"),
        ("https://models.example", "sk-\nInjected: header", "no key has"),
        ("https://models.example", "sk-\u00e9", "no key has"),
    ],
)
def test_an_endpoint_that_nothing_may_be_sent_to(base_url: str, key: str | None, part: str | None) -> None:
    problem = Endpoint(base_url, key).problem()
    assert problem is None if part is None else part in (problem or "")
    assert key is None or key not in (problem or "")


def test_the_environment_sets_the_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CJO_LLM_BASE_URL", raising=False)
    monkeypatch.setenv("CJO_LLM_API_KEY", KEY)
    assert Endpoint.from_environment() is None
    monkeypatch.setenv("CJO_LLM_BASE_URL", "https://models.example/v1/ ")
    endpoint = Endpoint.from_environment()
    assert endpoint == Endpoint("https://models.example/v1", KEY)
    assert KEY not in repr(endpoint)
