from pathlib import Path
from typing import cast

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from pytest_django import Settings

from myproject import urls
from myproject.uploads import takes_uploads


def plain(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"{len(request.POST)} {len(request.FILES)}")


@takes_uploads(megabytes=4)
def upload(request: HttpRequest) -> HttpResponse:
    (file,) = request.FILES.values()
    return HttpResponse("disk" if isinstance(file, TemporaryUploadedFile) else "memory")


urlpatterns = [*urls.urlpatterns, path("plain", plain), path("upload", upload)]
pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]


def send(client: Client, address: str, megabytes: float) -> HttpResponse:
    file = SimpleUploadedFile("f", b"x" * int(megabytes * 1_000_000))
    return cast(HttpResponse, client.post(address, {"file": file}))


def test_a_body_that_is_too_large_is_refused(client: Client) -> None:
    response = send(client, "/plain", 3)
    assert response.status_code == 413
    assert response.content.endswith(b"and 2621440 are taken at most.\n")


@pytest.mark.parametrize("address", ["/plain", "/upload"])
def test_a_request_of_a_stranger_is_never_written_to_disk(
    client: Client, settings: Settings, address: str
) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = "/nonexistent"
    assert [send(client, address, size).status_code for size in (2.6, 3, 5)] == [200, 413, 413]


def test_a_view_for_uploads_accepts_them_from_signed_in_users(
    admin_client: Client, settings: Settings, tmp_path: Path
) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path
    answers = [send(admin_client, "/upload", size) for size in (0.1, 3, 5)]
    assert [answer.status_code for answer in answers] == [200, 200, 413]
    assert [answer.content for answer in answers[:2]] == [b"memory", b"disk"]
    assert send(admin_client, "/plain", 3).status_code == 413
