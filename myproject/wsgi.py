"""The application that gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

from apps.health.liveness import answer_liveness
from myproject.readable import leave_out_body, refuse_unreadable
from myproject.startup import one_line_errors

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "myproject.settings.production")

with one_line_errors():
    application = answer_liveness(leave_out_body(refuse_unreadable(get_wsgi_application())))
    # Needs the applications that the line above sets up.
    from myproject.warm_up import load_code

    load_code()
