"""manage.py ensure_admin: a superuser for the admin, if there is none."""

import os
import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from nullstore import defaults
from nullstore.databases import EREBUS
from nullstore.management.base import CleanErrors


class Command(CleanErrors):
    help = (
        "Creates a superuser if there is none. The password comes from DJANGO_SUPERUSER_PASSWORD, "
        "or is generated and printed once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        name = os.environ.get("DJANGO_SUPERUSER_USERNAME", "admin")
        parser.add_argument("--username", default=name, help=f"The name to log in with (default: {name}).")

    def handle(self, *args: Any, **options: Any) -> None:
        users = get_user_model()._default_manager.using(EREBUS)
        superuser = users.filter(is_superuser=True, is_active=True).order_by("pk").first()
        if superuser is not None:
            self.stdout.write(f"The superuser {superuser.get_username()} exists.")
            return
        given = os.environ.get("DJANGO_SUPERUSER_PASSWORD")
        if given and not settings.DEBUG:
            _refuse_if_guessable(given, options["username"])
        password = given or secrets.token_urlsafe(12)
        create_superuser(options["username"], password)
        self.stdout.write(f"Created the superuser {options['username']}.")
        if not given:
            self.stdout.write(f"Its password, shown this once: {password}")
            self.stdout.write(f"To change it: manage.py changepassword {options['username']}")


def _refuse_if_guessable(password: str, username: str) -> None:
    user = get_user_model()(**{get_user_model().USERNAME_FIELD: username})
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise CommandError(f"DJANGO_SUPERUSER_PASSWORD: {' '.join(error.messages)}", returncode=2) from None
    if password in defaults.PUBLISHED_PASSWORDS:
        raise CommandError("DJANGO_SUPERUSER_PASSWORD is a published password, which anybody can read.", returncode=2)


def create_superuser(username: str, password: str) -> AbstractUser:
    """Create the superuser, or make an existing user of that name one and set its password."""
    user_model = get_user_model()
    user = user_model._default_manager.using(EREBUS).filter(**{user_model.USERNAME_FIELD: username}).first()
    if user is None:
        return user_model._default_manager.db_manager(EREBUS).create_superuser(username, "", password)
    user.is_staff = user.is_superuser = user.is_active = True
    user.set_password(password)
    user.save(using=EREBUS)
    return user
