"""Django's pages for errors, without the decorator that reads the form for its CSRF token.

Where the form is what is wrong, that fails once more, and nobody is left to answer.
"""

from inspect import unwrap

from django.views import defaults

bad_request = unwrap(defaults.bad_request)
permission_denied = unwrap(defaults.permission_denied)
not_found = unwrap(defaults.page_not_found)
server_error = unwrap(defaults.server_error)
