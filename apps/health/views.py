from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from . import checks


@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """Return version, commit and the result of each check; only the log has the reasons."""
    results = checks.run(settings.HEALTH_TIMEOUT)
    ready = all(result.status == "ok" for result in results.values())
    return JsonResponse(
        {
            "status": "ok" if ready else "failed",
            "version": settings.APP_VERSION,
            "commit": settings.APP_COMMIT,
            "environment": settings.APP_ENVIRONMENT,
            "checks": {name: result._asdict() for name, result in results.items()},
        },
        status=200 if ready else 503,
        headers={"Cache-Control": "no-store"},
    )
