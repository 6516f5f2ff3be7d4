"""Django's error views, without the decorator that reads the form for its CSRF token.

Where the form itself is malformed, reading it would fail again, and the client would get no answer.
"""

from inspect import unwrap

from django.views import defaults

bad_request = unwrap(defaults.bad_request)
permission_denied = unwrap(defaults.permission_denied)
not_found = unwrap(defaults.page_not_found)
server_error = unwrap(defaults.server_error)
