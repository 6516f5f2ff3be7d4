from django.urls import path

from . import views

app_name = "releases"
urlpatterns = [path("releases.json", views.release_list_json, name="json")]
