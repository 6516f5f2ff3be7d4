from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.utils.functional import lazy
from django.views.generic import RedirectView

handler400 = "myproject.errors.bad_request"
handler403 = "myproject.errors.permission_denied"
handler404 = "myproject.errors.not_found"
handler500 = "myproject.errors.server_error"

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="dashboard:releases")),  # only with: releases
    path("", RedirectView.as_view(pattern_name="admin:index")),
    # What a browser asks for where a page names no icon: the admin, JSON, errors.
    path("favicon.ico", RedirectView.as_view(url=lazy(static, str)("favicon.svg"))),
    path("admin/", admin.site.urls),
    path("health/", include("apps.health.urls")),
    path("", include("apps.dashboard.urls")),  # only with: releases
    path("", include("apps.releases.urls")),
]
