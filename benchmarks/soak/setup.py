"""Django, for a pair that is made later."""

import os


def django_is_set_up() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nullstore.settings")
    import django
    from django.apps import apps

    import tests.servers  # noqa: F401 - it makes the environment in which the settings are read

    if not apps.ready:
        django.setup()
