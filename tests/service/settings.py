"""Production's settings with the additions that tests of the whole service need."""

import os
from pathlib import Path

from myproject.settings.production import *  # noqa: F403

# Outside the checkout, so that two runs do not meet.
STATIC_ROOT = Path(os.environ["STATIC_ROOT"])
# Hashing slowly is for production.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Nothing that an anonymous request brings may be written to disk; if it is, it fails here.
FILE_UPLOAD_TEMP_DIR = "/nonexistent"
