from datetime import timedelta

import pytest

from apps.dashboard.templatetags.durations import duration


@pytest.mark.parametrize(
    ("delta", "words"),
    [
        (timedelta(seconds=59), "under a minute"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(hours=2), "2 hours"),
        (timedelta(hours=1, minutes=5), "1 hour 5 minutes"),
        (timedelta(days=1, minutes=5), "1 day"),
        (timedelta(days=40, hours=3), "40 days 3 hours"),
    ],
)
def test_duration_is_shown_in_words(delta: timedelta, words: str) -> None:
    assert duration(delta).replace("\N{NO-BREAK SPACE}", " ") == words
