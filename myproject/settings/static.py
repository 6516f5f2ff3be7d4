"""Settings for collecting static files in the image: production's, without the apps' code.

A change of that code then collects nothing again. The Dockerfile puts their files into `static`.
"""

from .environment import BASE_DIR
from .production import *

INSTALLED_APPS = [name for name in INSTALLED_APPS if not name.startswith("apps.")]
AUTH_USER_MODEL = "auth.User"
STATICFILES_DIRS = [*STATICFILES_DIRS, BASE_DIR / "static"]
