from datetime import timedelta

from django import template

NO_BREAK = "\N{NO-BREAK SPACE}"

register = template.Library()


@register.filter
def duration(delta: timedelta) -> str:
    """Return a duration in words, without minutes if it is longer than a day."""
    hours, minutes = divmod(delta // timedelta(minutes=1), 60)
    days, hours = divmod(hours, 24)
    units = {"day": days, "hour": hours, "minute": 0 if days else minutes}
    parts = [f"{n}{NO_BREAK}{unit}{'s' * (n > 1)}" for unit, n in units.items() if n]
    return " ".join(parts) or "under a minute"
