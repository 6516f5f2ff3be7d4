from django.http import HttpResponse
from django.urls import path

app_name = "releases"
urlpatterns = [path("releases/", lambda request: HttpResponse("stub"), name="list")]
