"""Alerts: one line to the log, and to a webhook where there is one.

CJO_WEBHOOK_URL receives a POST with a JSON object whose `text` a chat shows as it is (Slack, Mattermost, Teams
workflows), and whose other fields a program can read.
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
    """An alert that did not arrive; the sensor's next tick sends it again."""


def send_alert(kind: str, text: str, log: logging.Logger, **details: object) -> None:
    """Say something to whoever is on duty.

    Raises:
        AlertError: the webhook did not take it.
    """
    log.warning(text)
    url = os.environ.get(WEBHOOK)
    if not url:
        return
    if not url.startswith(("http://", "https://")):
        raise AlertError(f"{WEBHOOK} is no http address.")
    body = json.dumps({"text": text, "kind": kind, **details}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS):
            pass
    except (urllib.error.URLError, TimeoutError) as error:
        raise AlertError(f"The webhook did not take the alert: {error}.") from error
