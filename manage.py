#!/usr/bin/env python
"""Django's command line."""

import os
import sys

from django.conf import settings
from django.core.management import execute_from_command_line

from myproject.startup import one_line_errors


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "myproject.settings.local")
    # A migration may take longer than a request is allowed to wait for the database.
    os.environ.setdefault("DATABASE_READ_TIMEOUT", "0")
    with one_line_errors():
        # Django ignores an error in the settings here, and fails later for another reason.
        hasattr(settings, "INSTALLED_APPS")
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
