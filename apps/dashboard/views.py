from datetime import timedelta
from typing import Any

import waffle
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from apps.health import checks
from apps.releases.models import Outcome, Release
from apps.releases.views import FIGURES_DAYS, is_healthy, recent_figures, requested_page

from .statistics import median_live

STATISTICS_DAYS = 30


@csrf_exempt  # so that a POST gets 405, and not 403 for a missing token
@require_safe
@never_cache
def release_list(request: HttpRequest) -> HttpResponse:
    """Show the live release, its health, and the releases before it."""
    page = requested_page(request)
    health = checks.run(settings.HEALTH_TIMEOUT)
    context: dict[str, Any] = {
        "environment": settings.APP_ENVIRONMENT,
        "live": Release.objects.live_in(settings.APP_ENVIRONMENT),
        "answering": answering(),
        "healthy": is_healthy(health),
        "health": health,
        "figures": recent_figures(),
        "figures_days": FIGURES_DAYS,
        "page": page,
        "pages": page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1),
        "outcome": request.GET.get("outcome", ""),
        "outcomes": Outcome.choices,
    }
    if waffle.flag_is_active(request, "release_statistics"):
        since = timezone.now() - timedelta(days=STATISTICS_DAYS)
        here = Release.objects.in_environment(settings.APP_ENVIRONMENT)
        context |= {"days": STATISTICS_DAYS, "median_live": median_live(here, since)}
    return render(request, "dashboard/releases.html", context)


def answering() -> Release:
    """Return the release of this process, which during a deploy may not be the live one."""
    return Release(version=settings.APP_VERSION, commit=settings.APP_COMMIT)
