"""Alerts: a log line, and a POST to a webhook if one is configured.

CJO_WEBHOOK_URL receives a JSON object. Its `text` is shown by chats such as Slack, Mattermost and Teams workflows; the
other fields are for programs.
"""

from __future__ import annotations

import json
import logging
import os
import urllib.error
import urllib.request

WEBHOOK = "CJO_WEBHOOK_URL"
TIMEOUT_SECONDS = 10.0


class AlertError(Exception):
    """An alert that was not delivered; the next sensor tick sends it again."""


def send_alert(kind: str, text: str, log: logging.Logger, **details: object) -> None:
    """Log an alert and send it to the webhook.

    Raises:
        AlertError: the webhook did not accept it.
    """
    log.warning(text)
    url = os.environ.get(WEBHOOK)
    if not url:
        return
    if not url.startswith(("http://", "https://")):
        raise AlertError(f"{WEBHOOK} is not an http address.")
    body = json.dumps({"text": text, "kind": kind, **details}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS):
            pass
    except (urllib.error.URLError, TimeoutError) as error:
        raise AlertError(f"The webhook did not accept the alert: {error}.") from error
