from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.paginator import InvalidPage, Page, Paginator
from django.http import Http404, HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from apps.health import checks

from .figures import Figures, figures
from .models import Outcome, Release

PER_PAGE = 20
FIGURES_DAYS = 30


@csrf_exempt  # so that a POST gets 405, and not 403 for a missing token
@require_safe
@never_cache
def release_list_json(request: HttpRequest) -> JsonResponse:
    """Return the live release, its health, and the releases before it."""
    page = requested_page(request)
    live = Release.objects.live_in(settings.APP_ENVIRONMENT)
    health = checks.run(settings.HEALTH_TIMEOUT)
    return JsonResponse(
        {
            "environment": settings.APP_ENVIRONMENT,
            "answering": {"version": settings.APP_VERSION, "commit": settings.APP_COMMIT},
            "live": as_json(live) if live else None,
            "health": "ok" if is_healthy(health) else "failed",
            "checks": {name: result.status for name, result in health.items()},
            "figures": figures_as_json(recent_figures()),
            "count": page.paginator.count,
            "previous": link(request, page.previous_page_number()) if page.has_previous() else None,
            "next": link(request, page.next_page_number()) if page.has_next() else None,
            "releases": [as_json(release) for release in page],
        }
    )


def requested_page(request: HttpRequest) -> Page[Release]:
    """Return the requested page of releases; raise Http404 for an unknown page or outcome."""
    releases = Release.objects.in_environment(settings.APP_ENVIRONMENT).newest_first()
    if outcome := request.GET.get("outcome"):
        if outcome not in Outcome.values:
            raise Http404(f"No release ends as {outcome!r}.")
        releases = releases.filter(outcome=outcome)
    try:
        return Paginator(releases, PER_PAGE).page(request.GET.get("page", 1))
    except InvalidPage as error:
        raise Http404(str(error)) from None


def is_healthy(health: dict[str, checks.Result]) -> bool:
    return all(result.status == "ok" for result in health.values())


def recent_figures() -> Figures:
    """Return DORA's figures for this environment over the last days."""
    releases = Release.objects.in_environment(settings.APP_ENVIRONMENT)
    return figures(releases, since=timezone.now() - timedelta(days=FIGURES_DAYS))


def figures_as_json(found: Figures) -> dict[str, int | None]:
    """Return the figures, with null for what the record can't tell."""
    return {
        "days": FIGURES_DAYS,
        "deployments": found.deployments,
        "lead_time_seconds": seconds(found.lead_time),
        "failed": found.failed,
        "recovery_seconds": seconds(found.recovery_time),
    }


def seconds(duration: timedelta | None) -> int | None:
    return None if duration is None else round(duration.total_seconds())


def link(request: HttpRequest, page: int) -> str:
    query = request.GET.copy()
    query["page"] = str(page)
    return request.build_absolute_uri(f"?{query.urlencode()}")


def as_json(release: Release) -> dict[str, Any]:
    return {
        "version": release.version,
        "commit": release.commit,
        "started": release.started,
        "ended": release.ended,
        "seconds": round(release.duration.total_seconds()),
        "outcome": release.outcome,
    }
