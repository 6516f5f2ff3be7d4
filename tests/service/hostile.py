"""Hostile requests as bytes: forms that broke this service or others."""

from collections.abc import Iterator
from itertools import product
from urllib.parse import quote

from .raw import TOKEN, Header

METHODS = [b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"TRACE", b"CONNECT"]
ODD_METHODS = [b"PROPFIND", b"get", b"G\xc9T", b"X" * 500, b""]

LONG = b"x" * 300
ODD = [b"\0", b"\xff\xfe", "\U0001f600".encode(), b"%00", b"%ff%fe", b"%F0%9F%98%80", b"%ED%A0%80"]
ODD += [b"%0d%0aX-Forged:%201", b"../../etc/passwd", b"{{7*7}}", b"' OR 1=1 -- ", LONG, LONG * 20]
NUMBERS = [b"-1", b"0", b"1", b"99999999999999999999", b"9" * 5000, b"1e400", b"NaN", b"1.5"]
NUMBERS += ["\u0661".encode(), b"0x10", b"+1", b" 1", b""]
# In the place of an argument of a URL.
ARGUMENTS = ["99999999999999999999", "x", "%ff%00", "x" * 300]

FORM, MULTIPART = b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=b"
CHARSETS = [b"utf8", b"UTF-8", b"utf_8", b'"utf-8"', b"utf-8-sig", b"latin-1", b"iso-8859-1"]
CHARSETS += [b"us-ascii", b"utf-7", b"utf-16", b"utf-32", b"idna", b"punycode", b"rot13", b"hex"]
CHARSETS += [b"base64", b"zlib", b"undefined", b"unicode_escape", b"raw_unicode_escape", b"mbcs"]
CHARSETS += [b"nonsense", b"\xe9", b"../x", b"", b"'", LONG, b"utf-8; charset=rot13"]
BOUNDARIES = [b"", b'""', b'"b', b"\xff", b"x" * 201, b"b; boundary=c", b"b b", b"--", b"'"]
# RFC 2231 gives each parameter a charset of its own, and numbers its parts.
PARAMETERS = [b"a*=nonsense''%41", b"a*=idna''%ff.", b"a*=rot13''%41", b"a*=''%41"]
PARAMETERS += [b"a*=utf-7''%2B", b"a*0=x; a*1*=utf-8''%41", b"a*" + b"9" * 5000 + b"=x"]
PARAMETERS += [b"a*=\xff''%41", b"=", b";;;"]
CONTENT_TYPES = [
    *(kind + b"; charset=" + value for kind, value in product((FORM, MULTIPART), CHARSETS)),
    *(kind + b"; " + value for kind, value in product((FORM, MULTIPART), PARAMETERS)),
    *(b"multipart/form-data; boundary=" + boundary for boundary in BOUNDARIES),
    *(b"application/json", b"text/xml", b"nonsense", b"/", b";", b"\xff", LONG * 20),
    *(b"text/plain; charset=rot13", b"multipart/mixed; boundary=b", MULTIPART.upper()),
]


def form(*fields: tuple[bytes, bytes]) -> bytes:
    """Return an encoded form with the token that passes the check for CSRF."""
    return b"&".join(map(b"=".join, [(b"csrfmiddlewaretoken", TOKEN), *fields]))


def field(name: bytes, value: bytes, more: bytes = b"") -> bytes:
    """Return a part of a multipart form, with `more` in its header."""
    return b'Content-Disposition: form-data; name="%s"%s\r\n\r\n%s' % (name, more, value)


def multipart(*parts: bytes, end: bytes = b"--b--\r\n") -> bytes:
    """Return a multipart form with that token."""
    whole = (field(b"csrfmiddlewaretoken", TOKEN), *parts)
    return b"".join(b"--b\r\n" + part + b"\r\n" for part in whole) + end


PASSWORD = (b"password", b"x")
FORMS = [
    form(),
    b"csrfmiddlewaretoken=" + TOKEN * 5000,
    *(form((b"username", odd), PASSWORD) for odd in [*ODD, *NUMBERS]),
    *(form((b"username", b"x"), (b"password", odd)) for odd in ODD),
    *(form((b"username", b"x"), PASSWORD, (b"next", odd)) for odd in [*ODD, b"http://[", b"//x"]),
    *(form((odd, odd), (b"username", b"x"), PASSWORD) for odd in ODD),
    form((b"username", quote("n" * 150 + "\U0001f600" * 150).encode()), PASSWORD),
    form(*[(b"a", b"b")] * 1100),
    form((b"a", b"b" * 3_000_000)),
    b"\xff=\xff&%=%&=&&;",
]
FILE = b'; filename="f"'
MULTIPARTS = [
    *(multipart(), multipart(end=b""), b"--b--", b"--b\r\n\r\n\r\n" * 50 + b"--b--"),
    *(multipart(field(b"username", odd), field(b"password", b"x")) for odd in ODD),
    *(multipart(field(odd, b"x")) for odd in ODD),
    *(multipart(field(b"f", b"x", b'; filename="' + odd + b'"')) for odd in ODD),
    *(multipart(field(b"f", b"x", b"; filename" + parameter[1:])) for parameter in PARAMETERS),
    *(
        multipart(field(b"f", b"%%%", more + b"\r\nContent-Transfer-Encoding: " + encoding))
        for more in (b"", FILE)
        for encoding in (b"base64", b"quoted-printable", b"nonsense", b"\xff")
    ),
    multipart(field(b"f", b"x", FILE + b"\r\nContent-Type: text/plain; charset=rot13")),
    multipart(field(b"f", b"x", FILE + b"\r\nContent-Length: -1")),
    multipart(b"X: " + b"x" * 5000 + b"\r\n\r\nx"),
    multipart(*[field(b"a", b"b")] * 1100),
    multipart(*[field(b"f", b"x", FILE)] * 200),
    *(multipart(field(b"f", b"x" * size, FILE)) for size in (1_000_000, 5_000_000)),
    multipart(field(b"a", b"x" * 3_000_000)),
]
CHUNKS = [b"0\r\n\r\n", b"zz\r\n", b"5\r\nab\r\n0\r\n\r\n", b"-1\r\n\r\n", b"f" * 20 + b"\r\n"]
OTHER_BODIES = [b"", b"\0", b'{"a": ', b"\xff" * 100, *CHUNKS]

HOSTS = [b"", b"evil.example", b"[::1", b"[::1]:x", b"example.com:99999", b"example.com:x", b"a..b"]
HOSTS += [b"a@example.com", b"example.com.", b"\xff", b"ex ample.com", LONG, b"\0", b"http://a"]
HOSTS += [b"EXAMPLE.com:443", b"example.com, evil.example"]
ADDRESSES = [b"203.0.113.9:4711", b"[2001:db8::1]:4711", b"2001:db8::1", b'"[2001:db8::1]:1"']
ADDRESSES += [b"fe80::1%" + LONG, b"::ffff:1.2.3.4", b"unknown", b"_hidden", b",", b", ,", b"["]
ADDRESSES += [b"1.2.3.4, ", b"1.2.3.4:99999", b"]", b"999.9.9.9", b"\xff", LONG, b"1.2.3.4,x"]
COOKIES = [b"sessionid", b"csrftoken", b"messages", b"dwf_release_statistics", b"$Version"]


def _headers() -> Iterator[Header]:
    for name in ("Cookie", "Referer", "Origin", "User-Agent", "Accept", "X-Request-ID"):
        for value in (*ODD, b"http://[", b"a=b; ; =; \xff", b"null", b";"):
            yield name, value
    for cookie in COOKIES:
        for value in (*ODD, b'"', b'"\\', b"a" * 32, b"W10:1a:a", b"="):
            yield "Cookie", cookie + b"=" + value
    for suffix in ("Proto", "Host", "Ssl", "Port", "Protocol"):
        for value in (*ODD, b"http", b"HTTPS", b"https,http", b"ftp"):
            yield f"X-Forwarded-{suffix}", value
    for name, values in {
        "Host": HOSTS,
        "X-Forwarded-For": ADDRESSES,
        "Content-Length": [b"-1", b"x", b"\xb2", b"+1", b"0", b"9" * 5000],
        "Transfer-Encoding": [b"chunked", b"gzip", b"x", b"chunked, chunked", b"identity"],
        "Range": [b"bytes=9-", b"bytes=-", b"bytes=9-1", b"x", b"bytes=0-0,2-", b"bytes=99999999-"],
        "Accept-Language": [b"xx", b"de;q=x", b"*" * 5000, b"../..", b"\xff"],
        "If-Modified-Since": [b"x", b"Sat, 99 Foo 99999 99:99:99 GMT", b"0"],
        "Expect": [b"100-continue", b"x"],
        "Upgrade": [b"h2c", b"websocket"],
        "X-Csrftoken": [b"\xff", LONG],
        "X-Requested-With": [b"XMLHttpRequest"],
        "Content-Encoding": [b"gzip"],
        "X": [b"x" * 9000],
    }.items():
        for value in values:
            yield name, value
    for name in ("SCRIPT_NAME", "PATH_INFO", "REMOTE_ADDR", "Script-Name", "a b", "", "X\xe9"):
        yield name, b"/x"


HEADERS = list(_headers())
QUERIES = [
    *(b"?page=" + number for number in NUMBERS),
    *(b"?" + name + b"=" + odd for name in (b"outcome", b"next", b"q", b"page") for odd in ODD),
    *(b"?next=http://[", b"?next=//evil.example", b"?" + b"a&" * 1100, b"?", b"??", b"?%", b"?&=&"),
]
PATHS = [b"/" + odd for odd in ODD] + [b"//evil.example/", b"//[", b"/\\", b"*", b"", b"x", b"/%"]
PATHS += [b"http://[::1/", b"http://evil.example/", b"/static/" + LONG, b"/static/%00", b"/nope"]
PATHS += [b"/admin/x/y/99999999999999999999/change/"]
HOST = b"\r\nHost: example.com\r\n"
WHOLE = [
    *(b"GET / HTTP/" + version + HOST + b"\r\n" for version in (b"0.9", b"1.0", b"2.0", b"x")),
    *(b"GET /\r\n\r\n", b"GET / HTTP/1.1\n\n", b"\r\n\r\n\r\n", b"\x16\x03\x01\x02\0\x01\n\r\n"),
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET / HTTP/1.1" + HOST + b"Host: other\r\n\r\n",
    b"GET / HTTP/1.1" + HOST + b" folded\r\n\r\n",
    b"GET / HTTP/1.1" + HOST + b"X: x\r\n" * 200 + b"\r\n",
    b"POST / HTTP/1.1" + HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    b"POST / HTTP/1.1" + HOST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
]
