"""The app config of the project package, in INSTALLED_APPS so that its commands and checks are found."""

from django.apps import AppConfig


class NullstoreConfig(AppConfig):
    name = "nullstore"

    def ready(self) -> None:
        from nullstore import adapters, checks, groups  # noqa: F401, PLC0415 - registers checks, which needs loaded apps

        adapters.connect()
