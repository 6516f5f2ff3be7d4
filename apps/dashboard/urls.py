from django.urls import path

from . import views

app_name = "dashboard"
urlpatterns = [path("releases/", views.release_list, name="releases")]
