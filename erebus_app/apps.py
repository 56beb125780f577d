"""The app config of erebus_app: the tables of the database `erebus`."""

from django.apps import AppConfig


class ErebusAppConfig(AppConfig):
    name = "erebus_app"
    verbose_name = "Erebus database"
