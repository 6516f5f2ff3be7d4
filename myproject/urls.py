from inspect import unwrap

from django.contrib import admin
from django.urls import include, path
from django.views import defaults
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="releases:list")),
    path("admin/", admin.site.urls),
    path("health/", include("apps.health.urls")),
    path("", include("apps.releases.urls")),
]

# Django's pages for errors, without the decorator that reads the form once more for its CSRF token:
# where the form is what is wrong, that fails again, and nobody is left to answer.
handler400 = unwrap(defaults.bad_request)
handler403 = unwrap(defaults.permission_denied)
handler404 = unwrap(defaults.page_not_found)
handler500 = unwrap(defaults.server_error)
