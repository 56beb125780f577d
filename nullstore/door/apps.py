"""The app config of the door: tables of its own, in erebus."""

from django.apps import AppConfig


class DoorConfig(AppConfig):
    name = "nullstore.door"
    label = "door"
    verbose_name = "Logins"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from nullstore.door import admin  # noqa: PLC0415 - needs the models

        admin.register()
