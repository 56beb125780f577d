"""django.contrib.admin with the console's own site."""

from django.contrib.admin.apps import AdminConfig


class ConsoleConfig(AdminConfig):
    default_site = "nullstore.admin.site.ConsoleSite"

    def ready(self) -> None:
        super().ready()
        from nullstore.admin import accounts, forgetting  # noqa: PLC0415 - they need the models

        accounts.register()
        forgetting.connect()
