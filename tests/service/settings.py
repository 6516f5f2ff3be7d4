"""Production's settings, with the static files in a folder of the run, outside the checkout."""

import os

from myproject.settings.production import *  # noqa: F403

STATIC_ROOT = os.environ["STATIC_ROOT"]
