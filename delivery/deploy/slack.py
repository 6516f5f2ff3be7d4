"""Messages to Slack from a person's machine; workflows use Slack's own action."""

from __future__ import annotations

import json
import os

from delivery.errors import Failure
from delivery.http_client import ask


def tell(text: str) -> None:
    """Send a text to $SLACK_WEBHOOK_URL; a failure is only reported."""
    url = os.environ.get("SLACK_WEBHOOK_URL", "").strip()
    if not url:
        print("Slack was not notified: SLACK_WEBHOOK_URL is not set")
        return
    body = json.dumps({"text": text}).encode()
    try:
        status = ask(url, body, {"Content-Type": "application/json"}).status
        if status != 200:
            raise Failure(f"status {status}")
    except Failure as failure:
        print(f"Slack was not notified: SLACK_WEBHOOK_URL: {failure}")
    else:
        print("Slack was notified")
