"""The service as shipped, requested by clients and load balancers."""

import pytest

from .conftest import Service

pytestmark = pytest.mark.django_db


def test_a_hostile_host_is_refused(service: Service) -> None:
    for path in ("/health/", "/releases.json"):
        response, body = service.get(path, Host="evil.example")
        assert response.status == 400
        assert b"evil.example" not in body


def test_plain_http_redirects_to_https(service: Service) -> None:
    response, _ = service.get("/health/", **{"X-Forwarded-Proto": "http"})
    assert (response.status, response.getheader("Location")) == (301, "https://example.com/health/")


def test_liveness_needs_no_valid_host_and_no_https(service: Service) -> None:
    response, _ = service.get(
        "/health/live/", Host="10.0.1.7:8000", **{"X-Forwarded-Proto": "http"}
    )
    assert response.status == 200


@pytest.mark.parametrize("path", ["/health/", "/health/live/"])
def test_head_has_no_body_and_other_methods_are_refused(service: Service, path: str) -> None:
    response, body = service.get(path, method="HEAD")
    assert (response.status, body) == (200, b"")
    response, _ = service.get(path, method="POST")
    assert (response.status, response.getheader("Allow")) == (405, "GET, HEAD")


def test_the_root_redirects_to_a_page(service: Service) -> None:
    response, _ = service.get("/")
    assert response.status == 302
    assert service.get(response.getheader("Location") or "")[0].status in (200, 302)


def test_every_page_has_security_headers(service: Service) -> None:
    response, _ = service.get("/releases.json")
    assert response.getheader("Strict-Transport-Security") == "max-age=31536000"
    assert "default-src 'none'" in (response.getheader("Content-Security-Policy") or "")
    assert response.getheader("X-Frame-Options") == "DENY"
    assert response.getheader("X-Content-Type-Options") == "nosniff"


def test_requests_are_logged_in_json_and_health_checks_are_not(service: Service) -> None:
    service.get("/health/", **{"X-Request-ID": "quiet-1"})
    service.get("/health/live/", **{"X-Request-ID": "quiet-1"})
    service.get("/nowhere/", **{"X-Request-ID": "seen-1"})
    access = service.access_log("seen-1")
    assert (access["method"], access["path"], access["status"]) == ("GET", "/nowhere/", 404)
    assert "quiet-1" not in service.log.read_text()
