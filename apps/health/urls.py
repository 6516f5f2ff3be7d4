from django.urls import path

from . import views

app_name = "health"

# health/live/ is answered before Django: see liveness.py.
urlpatterns = [path("", views.health, name="readiness")]
