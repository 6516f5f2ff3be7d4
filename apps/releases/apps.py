from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ReleasesConfig(AppConfig):
    name = "apps.releases"

    def ready(self) -> None:
        from .receivers import record_release

        post_migrate.connect(record_release, sender=self)
