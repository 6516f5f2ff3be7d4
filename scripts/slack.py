"""A line for Slack, from a person's machine; in workflows Slack's own action tells it."""

from __future__ import annotations

import json
import os
import urllib.request


def tell(text: str) -> None:
    """Say it to $SLACK_WEBHOOK_URL; that this fails is said, and no more than that."""
    url = os.environ.get("SLACK_WEBHOOK_URL", "").strip()
    if not url:
        print("Slack is not told from here: SLACK_WEBHOOK_URL is not set")
        return
    body = json.dumps({"text": text}).encode()
    headers = {"Content-Type": "application/json"}
    try:
        if not url.startswith(("http://", "https://")):
            raise ValueError("SLACK_WEBHOOK_URL begins with http:// or https://")
        request = urllib.request.Request(url, body, headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=10):  # noqa: S310
            print("Slack was told")
    except (OSError, ValueError) as error:
        print(f"Slack was not told: {error}")
