"""System checks. Those that ask a database only warn: they must not stand in the way of the migrate that mends it."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import OperationalError, models

from nullstore import conf, defaults, encryption
from nullstore.databases import ALIASES, HOMES, NOT_REPLICATED, USER_SYNC
from nullstore.exceptions import InvalidSetting
from nullstore.migrating.differences import differences


@register(Tags.database)
def check_homes(**kwargs: Any) -> list[CheckMessage]:
    """nullstore.E001: every installed app has a home among the aliases."""
    return [
        Error(
            f"The app {app.label!r} has no home database.",
            hint=f"Add {app.label!r} to HOMES in nullstore/databases.py, with one of: {', '.join(ALIASES)}.",
            id="nullstore.E001",
        )
        for app in apps.get_app_configs()
        if HOMES.get(app.label) not in ALIASES
    ]


@register(Tags.security)
def check_secrets(**kwargs: Any) -> list[CheckMessage]:
    """nullstore.E002: outside DEBUG no secret is empty, or one that is published."""
    if settings.DEBUG:
        return []
    return [
        Error(
            f"{variable} {fault}.",
            hint=f"Set {variable} in the environment (manage.py generate_key and .env.example say how), "
            "or DEBUG=on on a machine of your own.",
            id="nullstore.E002",
        )
        for variable, fault in _bad_secrets()
    ]


def refuse_bad_secrets() -> None:
    """Raise InvalidSetting where nullstore.E002 finds something."""
    found = check_secrets()
    if found:
        raise InvalidSetting(" ".join(str(error.msg) for error in found) + f" {found[0].hint}")


def _bad_secrets() -> Iterator[tuple[str, str]]:
    published = "has its published default, which anybody can read"
    for variable in ("SECRET_KEY", "REPLICATION_PASSWORD", "FIELD_ENCRYPTION_KEYS"):
        if not getattr(settings, variable):
            yield variable, "is empty"
        elif getattr(defaults, variable) in getattr(settings, variable):
            yield variable, published
    for variable, password in _passwords():
        if password in defaults.PUBLISHED_PASSWORDS:
            yield variable, "has a published password, which anybody can read"


def _passwords() -> Iterator[tuple[str, str]]:
    """Every password of a role, with the variable that holds it."""
    if settings.REPLICATION_PASSWORD != defaults.REPLICATION_PASSWORD:  # told of already
        yield "REPLICATION_PASSWORD", settings.REPLICATION_PASSWORD
    for alias in ALIASES:
        yield f"{alias.upper()}_DATABASE_URL", settings.RUNTIME_LOGINS[alias][1]
        yield f"{alias.upper()}_OWNER_URL", (settings.OWNER_DATABASES[alias] or {}).get("PASSWORD", "")
    source = settings.REPLICATION_SOURCE or {}
    yield "REPLICATION_SOURCE_URL", source.get("PASSWORD", "")


@register(Tags.security, deploy=True)
def check_client_address(**kwargs: Any) -> list[CheckMessage]:
    """nullstore.W003: where a proxy is in front, it says whom it serves; else failed logins lock out everybody."""
    if settings.DEBUG or not settings.SECURE_PROXY_SSL_HEADER or conf.client_address_header():
        return []
    return [
        Warning(
            "NULLSTORE_TLS_HEADER says that a proxy is in front, and NULLSTORE_CLIENT_ADDRESS_HEADER is not set: "
            "everybody seems to have the proxy's address, so that one person's failed logins lock out all.",
            hint="Set NULLSTORE_CLIENT_ADDRESS_HEADER to the header in which the proxy names the browser's address, "
            "such as X-Real-IP or X-Forwarded-For.",
            id="nullstore.W003",
        )
    ]


@register(Tags.security, deploy=True)
def check_runtime_role(**kwargs: Any) -> list[CheckMessage]:
    """nullstore.W002: outside DEBUG the web process does not log in as the owner of the tables."""
    if settings.DEBUG:
        return []
    return [
        Warning(
            f"{alias.upper()}_DATABASE_URL logs in as {settings.RUNTIME_LOGINS[alias][0]}, who owns the tables: "
            "whoever gets hold of the web process may change their shape, and the replica.",
            hint=f"Set {alias.upper()}_OWNER_URL to this URL, name a role of its own in {alias.upper()}_DATABASE_URL, "
            "and run manage.py migrate, which makes the role. Give the web process itself "
            f"{alias.upper()}_OWNER_URL without user and password.",
            id="nullstore.W002",
        )
        for alias in ALIASES
        if settings.RUNTIME_LOGINS[alias][0] == (settings.OWNER_DATABASES[alias] or settings.DATABASES[alias])["USER"]
    ]


@register(Tags.models)
def check_tables(**kwargs: Any) -> list[CheckMessage]:
    """nullstore.E003: no table belongs to two models of one database. Stands in for Django's models.W035."""
    owners: defaultdict[tuple[str | None, str], list[str]] = defaultdict(list)
    for model in apps.get_models(include_auto_created=True):
        if model._meta.managed and not model._meta.proxy:
            owners[HOMES.get(model._meta.app_label), model._meta.db_table].append(model._meta.label)
    return [
        Error(
            f"The table {table!r} of the database {alias!r} is used by {' and '.join(labels)}.",
            hint="Give one of them another db_table.",
            id="nullstore.E003",
        )
        for (alias, table), labels in owners.items()
        if len(labels) > 1
    ]


@register(Tags.models)
def check_relations(**kwargs: Any) -> list[CheckMessage]:
    """nullstore.E004: no relation leads from one database into the other."""
    return [
        Error(
            f"{field} is a relation from {HOMES.get(model._meta.app_label)} to {HOMES.get(target._meta.app_label)}.",
            hint="Keep the key as a plain UUIDField; PostgreSQL has no relations between databases.",
            obj=model,
            id="nullstore.E004",
        )
        for model, field, target in _relations(apps.get_models(include_auto_created=True))
        if HOMES.get(model._meta.app_label) != HOMES.get(target._meta.app_label)
    ]


def _relations(
    all_models: Iterable[type[models.Model]],
) -> Iterator[tuple[type[models.Model], models.Field, type[models.Model]]]:
    for model in all_models:
        for field in model._meta.get_fields():
            if isinstance(field, models.Field) and field.is_relation and isinstance(field.related_model, type):
                yield model, field, field.related_model


@register(Tags.models)
def check_replicated_models(**kwargs: Any) -> list[CheckMessage]:
    """nullstore.E005: what is declared as replicated exists, at home in the publisher and in the subscriber."""
    errors: list[CheckMessage] = []
    for pair in USER_SYNC.models:
        for label, alias in ((pair.source, USER_SYNC.publisher), (pair.replica, USER_SYNC.subscriber)):
            if not _is_at_home(label, alias):
                errors.append(
                    Error(
                        f"The replicated model {label} does not exist in an app whose home is {alias}.",
                        hint="Correct USER_SYNC in nullstore/databases.py.",
                        id="nullstore.E005",
                    )
                )
    return errors


def _is_at_home(label: str, alias: str) -> bool:
    try:
        model = apps.get_model(label)
    except LookupError:
        return False
    return HOMES.get(model._meta.app_label) == alias


@register(Tags.models)
def check_declarations(**kwargs: Any) -> list[CheckMessage]:
    """nullstore.E008: every model is declared replicated or not, and not both."""
    replicated = {label for model in USER_SYNC.models for label in (model.source, model.replica)}
    labels = {model._meta.label for model in apps.get_models()}
    known = {label for label in labels if not NOT_REPLICATED.isdisjoint({label, f"{label.partition('.')[0]}.*"})}
    gone = {label for label in NOT_REPLICATED if not label.endswith(".*")} - labels
    faults = {
        "is declared neither replicated nor not": labels - known - replicated,
        "is declared replicated and not replicated": known & replicated,
        "is declared not replicated, and there is no such model": gone,
    }
    return [
        Error(
            f"{label} {fault}.",
            hint="Correct NOT_REPLICATED or USER_SYNC in nullstore/databases.py.",
            id="nullstore.E008",
        )
        for fault, found in faults.items()
        for label in sorted(found)
    ]


@register(Tags.database)
def check_replicated_tables(databases: Iterable[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """nullstore.W001: models, published columns and the replica's columns agree. Asks both databases or none."""
    if not set(ALIASES) <= set(databases or ()):
        return []
    try:
        found = differences()
    except OperationalError:
        # A server that does not answer: whoever runs the checks is about to hear of that.
        return []
    return [
        Warning(
            f"{difference}.",
            hint="Run manage.py makemigrations, then manage.py migrate. What was altered by hand is for manage.py "
            "replication status.",
            id="nullstore.W001",
        )
        for difference in found
    ]


@register(Tags.security)
def check_encryption_keys(**kwargs: Any) -> list[CheckMessage]:
    """nullstore.E006: FIELD_ENCRYPTION_KEYS can be read."""
    try:
        encryption.master_keys()
    except InvalidSetting as error:
        return [Error(str(error), hint="Run manage.py generate_key for a new key.", id="nullstore.E006")]
    return []


@register(Tags.files)
def check_env_file(**kwargs: Any) -> list[CheckMessage]:
    """nullstore.E007: a file that NULLSTORE_ENV_FILE names is there. Not a setting's error: init_env makes the file."""
    named = os.environ.get("NULLSTORE_ENV_FILE")
    if not named or Path(named).is_file():
        return []
    return [
        Error(
            f"NULLSTORE_ENV_FILE names {named}, which is no file: none of its settings are in force.",
            hint="Correct it, set it to nothing, or run manage.py init_env to make it.",
            id="nullstore.E007",
        )
    ]
