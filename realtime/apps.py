from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RealtimeConfig(AppConfig):
    name = "realtime"
    verbose_name = _("Event log")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # It needs settings that are loaded.
        from realtime.threads import adapt_pool

        adapt_pool()
