from typing import Any

from django.contrib import admin

from .models import Release


@admin.register(Release)
class ReleaseAdmin(admin.ModelAdmin):
    """To look at only: deploys record releases."""

    list_display = ("version", "short_commit", "environment", "started", "ended", "outcome")
    list_filter = ("environment", "outcome")
    search_fields = ("version", "commit")
    date_hierarchy = "started"
    ordering = ("-started", "-pk")

    def nobody(self, *_args: Any, **_kwargs: Any) -> bool:
        return False

    has_add_permission = has_change_permission = has_delete_permission = nobody
