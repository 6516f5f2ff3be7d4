"""Production's settings, with the static files in a folder of the run, outside the checkout."""

import os
from pathlib import Path

from myproject.settings.production import *  # noqa: F403

STATIC_ROOT = Path(os.environ["STATIC_ROOT"])
