"""Every request of a stranger gets an answer below 500, and no error in the log.

The tests send every method to every URL and every known form of hostile.py; then Hypothesis
combines them. To try more, and other ones each time: HOSTILE_EXAMPLES=20000 make test
ARGS=tests/service/test_hostile_requests.py
"""

import json
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from urllib.parse import quote

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from . import hostile
from .conftest import Service
from .hostile import FORM, MULTIPART, form, multipart
from .raw import Request, status

pytestmark = pytest.mark.django_db
EXAMPLES = os.environ.get("HOSTILE_EXAMPLES")
ARGUMENT = re.compile(r"\(\?P<\w+>[^)]*\)|<[^>]*>")


def routes(resolver: URLResolver, before: str = "/") -> Iterator[str]:
    """Yield each URL of the project, with {} for each of its arguments."""
    for pattern in resolver.url_patterns:
        route = before + ARGUMENT.sub("{}", str(pattern.pattern)).strip("^$")
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, route)
        elif isinstance(pattern, URLPattern):
            yield route


ROUTES = sorted({*routes(get_resolver()), "/health/live/", "/static/site.css"})
URLS, *ODD_URLS = (
    sorted({route.replace("{}", argument).encode() for route in ROUTES})
    for argument in hostile.ARGUMENTS
)
# A form that anybody may send, and that is stored.
LOGIN = b"/admin/login/"
NAME_AND_PASSWORD = form((b"username", b"x"), hostile.PASSWORD)


def post(path: bytes, kind: bytes, body: bytes, *headers: tuple[str, bytes]) -> Request:
    return Request(path, b"POST", (("Content-Type", kind), *headers), body)


def known() -> Iterator[Request]:
    """Yield each URL with each method, and with each form of hostile.py where it may do harm."""
    for url in URLS:
        yield from (Request(url, method) for method in hostile.METHODS)
        yield post(url, FORM, form())
    yield from (Request(url) for urls in ODD_URLS for url in set(urls) - set(URLS))
    yield from (Request(path, method) for path in hostile.PATHS for method in (b"HEAD", b"POST"))
    yield from (Request(b"/", method) for method in hostile.ODD_METHODS)
    for query in hostile.QUERIES:
        yield from (Request(path + query) for path in (b"/", b"/releases.json", LOGIN))
        yield post(b"/nope" + query, MULTIPART + b"; charset=utf-8", multipart())
    for kind in hostile.CONTENT_TYPES:
        body = multipart() if kind.startswith(b"multi") else form()
        yield from (post(path, kind, body) for path in (b"/nope", LOGIN))
        yield Request(b"/releases.json?page=1", headers=(("Content-Type", kind),))
    yield from (post(LOGIN, FORM, body) for body in hostile.FORMS)
    yield from (post(LOGIN, MULTIPART, body) for body in hostile.MULTIPARTS)
    for header in hostile.HEADERS:
        yield from (Request(path, headers=(header,)) for path in (b"/", LOGIN))
        yield post(LOGIN, FORM, NAME_AND_PASSWORD, header)
    for body in hostile.CHUNKS:
        yield post(LOGIN, FORM, body, ("Transfer-Encoding", b"chunked"))


REQUESTS = st.builds(
    Request,
    path=st.builds(
        bytes.__add__,
        st.sampled_from(sorted({*URLS, *hostile.PATHS}.union(*ODD_URLS))),
        st.sampled_from([b"", *hostile.QUERIES]),
    ),
    method=st.sampled_from([b"POST"] * 9 + hostile.METHODS + hostile.ODD_METHODS),
    headers=st.tuples(
        st.tuples(
            st.just("Content-Type"),
            st.sampled_from([FORM, MULTIPART] * 20 + hostile.CONTENT_TYPES),
        ),
        st.sampled_from(hostile.HEADERS)
        | st.tuples(st.sampled_from(["Cookie", "Host", "X-Forwarded-For"]), st.binary(max_size=50)),
    ),
    body=st.sampled_from(hostile.FORMS + hostile.MULTIPARTS + hostile.OTHER_BODIES)
    | st.binary(max_size=200)
    | st.builds(
        lambda name: form((b"username", quote(name).encode()), (b"password", b"x")), st.text()
    ),
)


@pytest.fixture(scope="module", autouse=True)
def no_error_in_the_log(service: Service) -> Iterator[None]:
    before = len(service.log.read_bytes().splitlines())
    yield
    entries = [json.loads(line) for line in service.log.read_bytes().splitlines()[before:]]
    errors = [entry for entry in entries if entry["level"] not in ("INFO", "WARNING")]
    errors += [entry for entry in entries if "exc_info" in entry]
    # Its warning about the body of an answer to HEAD.
    errors += [entry for entry in entries if entry["logger"] == "gunicorn.http.wsgi"]
    assert not errors, errors


def test_every_known_hostile_request_gets_an_answer(service: Service) -> None:
    asked = [*(request.encode() for request in known()), *hostile.WHOLE]
    # Side by side, as the service has two processes with four threads.
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(partial(status, service.port), asked))
    wrong = [(code, r[:500]) for code, r in zip(codes, asked, strict=True) if not 0 < code < 500]
    assert not wrong, "\n".join(map(str, wrong))


def test_simultaneous_wrong_passwords_each_get_an_answer(service: Service) -> None:
    # In each round they meet at one record, whose insertion MySQL may end as a deadlock.
    rounds = [
        post(LOGIN, FORM, form((b"username", b"round%d" % n), hostile.PASSWORD)).encode()
        for n in range(20)
    ]
    with ThreadPoolExecutor(8) as pool:
        for request in rounds:
            codes = list(pool.map(partial(status, service.port), [request] * 8))
            assert set(codes) <= {200, 429}


@settings(
    max_examples=int(EXAMPLES or 500),
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(REQUESTS)
def test_any_generated_request_gets_an_answer(service: Service, request: Request) -> None:
    assert 0 < status(service.port, request.encode()) < 500
