"""Client of the language model: one call of an endpoint with the interface of OpenAI's.

The environment names the endpoint. The key comes from the environment, goes into one header and nowhere else: the
message of an error that could repeat it is not kept, nor is an answer that does. Redirections are not followed.
"""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from cjo_assets.language.answers import TOO_LONG, UNREADABLE, Reply

BASE_URL, KEY = "CJO_LLM_BASE_URL", "CJO_LLM_API_KEY"
NOT_CONFIGURED = "no language model is configured"
NOT_IN_TIME = "the language model did not answer in time"
NOT_REACHED = "the language model could not be reached"
REFUSED = "the endpoint of the language model refused the call"
BROKEN = "the endpoint of the language model failed"
KEY_REPEATED = "the answer of the language model repeated the key"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
# An answer of a few hundred words needs a few kilobytes: what is larger is none.
LARGEST_ANSWER = 1_000_000
LARGEST_COUNT = 2**31


@dataclass(frozen=True)
class Endpoint:
    """The endpoint of a language model.

    Attributes:
        base_url: the address before /chat/completions.
        key: the key to send; None where the endpoint needs none.
    """

    base_url: str = field(repr=False)
    key: str | None = field(default=None, repr=False)

    @classmethod
    def from_environment(cls) -> Endpoint | None:
        """Read CJO_LLM_BASE_URL and CJO_LLM_API_KEY; None where no address is set."""
        base_url = os.environ.get(BASE_URL, "").strip()
        return cls(base_url.rstrip("/"), os.environ.get(KEY, "").strip() or None) if base_url else None

    def problem(self) -> str | None:
        """Return why nothing may be sent there, or None."""
        try:
            address = urlsplit(self.base_url)
            host, _ = address.hostname, address.port
        except ValueError:
            host = None
        if host is None or address.scheme not in ("http", "https"):
            return f"{BASE_URL} is no http address"
        if address.username is not None:
            return f"{BASE_URL} names a user; remove it and set {KEY}"
        if self.key is None:
            return None
        if not (self.key.isascii() and self.key.isprintable()) or " " in self.key:
            return f"{KEY} holds characters that no key has"
        if address.scheme == "http" and host not in LOOPBACK:
            return f"{BASE_URL} is not https: the key could be read on its way"
        return None


def ask(endpoint: Endpoint, body: dict[str, Any], timeout_seconds: float) -> Reply:
    """Send one request and return the result; never raises for a fault of the endpoint.

    Args:
        endpoint: where to send it; it must have no problem of its own.
        body: what to send.
        timeout_seconds: from the first to the last byte, looking up the address included [seconds].
    """
    import httpx

    try:
        status, content = asyncio.run(_posted(endpoint, body, timeout_seconds))
    except (TimeoutError, httpx.TimeoutException):
        return Reply(None, NOT_IN_TIME, f"{timeout_seconds:g} seconds")
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        return Reply(None, NOT_REACHED, type(error).__name__)
    if status >= 500:
        return Reply(None, BROKEN, f"HTTP {status}")
    if status != 200:
        return Reply(None, REFUSED, f"HTTP {status}")
    if content is None:
        return Reply(None, TOO_LONG, f"more than {LARGEST_ANSWER} bytes")
    return _read(content, endpoint.key)


async def _posted(endpoint: Endpoint, body: dict[str, Any], timeout_seconds: float) -> tuple[int, bytes | None]:
    """Return status and body of the answer; no body where it is too large."""
    import httpx

    headers = {"Authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}
    async with (
        asyncio.timeout(timeout_seconds),
        httpx.AsyncClient(timeout=timeout_seconds) as client,
        client.stream("POST", f"{endpoint.base_url}/chat/completions", json=body, headers=headers) as response,
    ):
        content = b""
        async for part in response.aiter_bytes():
            content += part
            if len(content) > LARGEST_ANSWER:
                return response.status_code, None
        return response.status_code, content


def _read(content: bytes, key: str | None) -> Reply:
    """Return the text of an answer, or the problem for which it cannot be read."""
    try:
        answer = json.loads(content)
        choice = answer["choices"][0]
        text = choice["message"]["content"]
        usage = answer.get("usage") or {}
        counts = [_count(usage.get(name)) for name in ("prompt_tokens", "completion_tokens")]
        is_cut = choice.get("finish_reason") == "length"
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        return Reply(None, UNREADABLE, type(error).__name__)
    if text is None:
        text = ""
    if not isinstance(text, str):
        return Reply(None, UNREADABLE, "the content is no text", *counts)
    # Half a character pair is valid JSON and no text.
    text = text.encode(errors="replace").decode()
    if key is not None and key in text:
        return Reply(None, KEY_REPEATED, None, *counts)
    return Reply(text, TOO_LONG if is_cut else None, "cut off by the endpoint" if is_cut else None, *counts)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < LARGEST_COUNT else None
