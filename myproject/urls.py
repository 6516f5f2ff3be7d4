from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="releases:list")),
    path("admin/", admin.site.urls),
    path("health/", include("apps.health.urls")),
    path("", include("apps.releases.urls")),
]
