from django.apps import AppConfig
from django.db.backends.signals import connection_created


class HealthConfig(AppConfig):
    name = "apps.health"

    def ready(self) -> None:
        from .connections import renew_when_read_only, require_tls

        connection_created.connect(require_tls)
        connection_created.connect(renew_when_read_only)
