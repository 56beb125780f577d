"""Settings, all from the environment (or `.env` beside manage.py). docs/reference/settings.md lists them."""

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF
from environ import Env

from nullstore import defaults
from nullstore.colours import COLOURS
from nullstore.databases import AGENTS, EREBUS
from nullstore.dburl import parse_database_url
from nullstore.exceptions import InvalidSetting
from nullstore.logs import logging_settings

BASE_DIR = Path(__file__).resolve().parent.parent

env = Env()
# Tests and containers that bring their own environment set NULLSTORE_ENV_FILE to nothing.
NULLSTORE_ENV_FILE = os.environ.get("NULLSTORE_ENV_FILE", str(BASE_DIR / ".env"))
if NULLSTORE_ENV_FILE and Path(NULLSTORE_ENV_FILE).is_file():
    env.read_env(NULLSTORE_ENV_FILE)


def text(variable: str, default: str = "") -> str:
    """The variable as it is. env.str() takes a value that begins with $ for the name of another variable."""
    return os.environ.get(variable, default)


DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = text("SECRET_KEY", defaults.SECRET_KEY)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"] if DEBUG else [])
FIELD_ENCRYPTION_KEYS = text("FIELD_ENCRYPTION_KEYS", defaults.FIELD_ENCRYPTION_KEYS)

NULLSTORE_ENVIRONMENT = text("NULLSTORE_ENVIRONMENT", "development" if DEBUG else "unnamed")
NULLSTORE_ENVIRONMENT_COLOUR = text("NULLSTORE_ENVIRONMENT_COLOUR")
if NULLSTORE_ENVIRONMENT_COLOUR not in ("", *COLOURS):
    raise InvalidSetting(f"NULLSTORE_ENVIRONMENT_COLOUR must be one of {', '.join(COLOURS)}.")
NULLSTORE_PG_BINDIR = text("NULLSTORE_PG_BINDIR")
NULLSTORE_LOCALDB_DIR = text("NULLSTORE_LOCALDB_DIR")

# Where `manage.py collectstatic` puts the files for browsers; the web process serves them. Empty: it does not.
NULLSTORE_STATIC_DIR = text("NULLSTORE_STATIC_DIR")

INSTALLED_APPS = [
    # Before Django's apps: commands of the same name in nullstore take precedence.
    "nullstore",
    "erebus_app",
    "agents_app",
    "nullstore.door.apps.DoorConfig",
    "axes",
    "nullstore.admin.apps.ConsoleConfig",  # django.contrib.admin with a site of our own
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    # Before the host check and the redirect to https: a kubelet asks by http, for an address.
    "nullstore.probes.middleware.ProbesMiddleware",
    "nullstore.requestlog.RequestLogMiddleware",
    "django.middleware.security.SecurityMiddleware",
    # Files for browsers, from NULLSTORE_STATIC_DIR; before whatever asks a database.
    *(["whitenoise.middleware.WhiteNoiseMiddleware"] if NULLSTORE_STATIC_DIR else []),
    "csp.middleware.CSPMiddleware",
    # Before whatever asks a database.
    "nullstore.admin.limits.LimitsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    # Django's, which in addition knows for a while who was logged in when erebus stops answering.
    "nullstore.admin.middleware.StaffMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "nullstore.admin.middleware.OutageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    # Last: answers in place of the login form to who has failed too often.
    "axes.middleware.AxesMiddleware",
]

# Nothing inline, nothing from elsewhere, and nobody frames the console. While DEBUG is on, django-csp leaves it off
# answers with 404 and 500: Django's own pages about those are styled inline.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}
CSRF_FAILURE_VIEW = "nullstore.admin.errors.forgery"

# Off only where people really use http: on a machine of one's own, and in tests.
NULLSTORE_HTTPS = env.bool("NULLSTORE_HTTPS", default=not DEBUG)
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = NULLSTORE_HTTPS
SECURE_HSTS_SECONDS = env.int("NULLSTORE_HSTS_SECONDS", default=3600) if NULLSTORE_HTTPS else 0
# Where a proxy ends TLS: the header in which it says so. Anybody could send it where there is no such proxy.
_tls_header = text("NULLSTORE_TLS_HEADER")
SECURE_PROXY_SSL_HEADER = (f"HTTP_{_tls_header.upper().replace('-', '_')}", "https") if _tls_header else None
# The header in which a proxy names the address of whoever it serves. Anybody could send it where the proxy does not.
NULLSTORE_CLIENT_ADDRESS_HEADER = text("NULLSTORE_CLIENT_ADDRESS_HEADER")
# No script reads either. Lax: a link in a message opens the page that it names, and no other site's form is believed.
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
if NULLSTORE_HTTPS:
    # Browsers take a cookie of such a name from this very host only, over https; over http they take none.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
NULLSTORE_SESSION_HOURS = env.float("NULLSTORE_SESSION_HOURS", default=10.0)
if not 0 < NULLSTORE_SESSION_HOURS <= 24 * 31:
    raise InvalidSetting("NULLSTORE_SESSION_HOURS must be a number of hours above 0, at most 744.")
SESSION_COOKIE_AGE = int(NULLSTORE_SESSION_HOURS * 3600)
# Django's own defaults, on which the console relies. Not no-referrer: the Origin of a form would be null.
SECURE_REFERRER_POLICY = SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"

# The admin's path below the host: without a slash before, with one behind.
NULLSTORE_ADMIN_PATH = text("NULLSTORE_ADMIN_PATH", "admin/")
if not re.fullmatch(r"(?:[A-Za-z0-9_-]+/)+", NULLSTORE_ADMIN_PATH) or NULLSTORE_ADMIN_PATH.startswith("static/"):
    raise InvalidSetting("NULLSTORE_ADMIN_PATH must be of the form admin/ or staff/console/, and not in static/.")

NULLSTORE_TWO_FACTOR = env.bool("NULLSTORE_TWO_FACTOR", default=False)
NULLSTORE_LOGIN_ATTEMPTS = env.int("NULLSTORE_LOGIN_ATTEMPTS", default=5)
if not 1 <= NULLSTORE_LOGIN_ATTEMPTS <= 100:
    raise InvalidSetting("NULLSTORE_LOGIN_ATTEMPTS must be a number from 1 to 100.")
NULLSTORE_LOGIN_COOLOFF = env.int("NULLSTORE_LOGIN_COOLOFF", default=15)
if not 1 <= NULLSTORE_LOGIN_COOLOFF <= 24 * 60:
    raise InvalidSetting("NULLSTORE_LOGIN_COOLOFF must be a number of minutes from 1 to 1440.")

AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AXES_HANDLER = "nullstore.door.attempts.LoginAttempts"
AXES_LOCKOUT_CALLABLE = "nullstore.door.lockout.locked_out"
AXES_CLIENT_IP_CALLABLE = "nullstore.door.attempts.client_address"
# The order in which LoginAttempts takes them.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"], "ip_address"]
AXES_FAILURE_LIMIT = NULLSTORE_LOGIN_ATTEMPTS
AXES_COOLOFF_TIME = timedelta(minutes=NULLSTORE_LOGIN_COOLOFF)
# Trying on does not prolong it: somebody else could keep a shared address locked for ever.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = AXES_ENABLE_ACCESS_FAILURE_LOG = AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = AXES_VERBOSE = False
# Not in what is kept of the form, beside the password; name and address are for the log.
AXES_SENSITIVE_PARAMETERS = ["csrfmiddlewaretoken"]

# Who may read /metrics, and the reasons of /readyz. Without it: this machine alone, and nobody behind a proxy.
NULLSTORE_METRICS_TOKEN = text("NULLSTORE_METRICS_TOKEN")
if NULLSTORE_METRICS_TOKEN and not (
    len(NULLSTORE_METRICS_TOKEN) >= 16 and NULLSTORE_METRICS_TOKEN.isascii() and NULLSTORE_METRICS_TOKEN.isprintable()
):
    raise InvalidSetting("NULLSTORE_METRICS_TOKEN must have at least 16 characters, ASCII only.")

# Without a level: WARNING in commands, whose own output people read, and INFO in the web process.
NULLSTORE_LOG_LEVEL = text("NULLSTORE_LOG_LEVEL")
LOGGING = logging_settings(text("NULLSTORE_LOG_FORMAT", "text"), NULLSTORE_LOG_LEVEL)

ROOT_URLCONF = "nullstore.urls"
WSGI_APPLICATION = "nullstore.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "nullstore.admin.frame.frame",
            ],
        },
    },
]

# transaction: a pooler such as PgBouncer gives each transaction another session of the server.
NULLSTORE_POOLER = text("NULLSTORE_POOLER")
if NULLSTORE_POOLER not in ("", "transaction"):
    raise InvalidSetting("NULLSTORE_POOLER must be transaction, or empty where there is no pooler.")


def _database(variable: str, default: str, *, after: list[str]) -> dict[str, Any]:
    """Django's settings of one database; `after` are the aliases that test set-up makes before it."""
    config = parse_database_url(variable, text(variable, default))
    options: dict[str, Any] = {"connect_timeout": 5, "application_name": "nullstore", **config.get("OPTIONS", {})}
    if NULLSTORE_POOLER:
        # A statement prepared, or a cursor opened, in one session of the server is unknown in the next.
        options["prepare_threshold"] = None
        config["DISABLE_SERVER_SIDE_CURSORS"] = True
    pool_size = env.int("DATABASE_POOL_SIZE", default=0)
    if pool_size:
        # psycopg_pool waits 30 s for a dead server by default; nobody waits that long for a page.
        options["pool"] = {"min_size": 1, "max_size": pool_size, "timeout": 5}
    return {**config, "OPTIONS": options, "TEST": {"DEPENDENCIES": after}}


DATABASES = {
    "default": {"ENGINE": "nullstore.nodefault"},
    EREBUS: _database("EREBUS_DATABASE_URL", defaults.EREBUS_DATABASE_URL, after=[]),
    AGENTS: _database("AGENTS_DATABASE_URL", defaults.AGENTS_DATABASE_URL, after=[EREBUS]),
}


def _owner(variable: str, alias: str) -> dict[str, Any] | None:
    """Django's settings of one database for its owner, past a pool or a pooler; None: the owner is who else logs in."""
    url = text(variable)
    if not url:
        return None
    owner, runtime = parse_database_url(variable, url), DATABASES[alias]
    if owner["NAME"] != runtime["NAME"]:
        raise InvalidSetting(
            f"{variable} names the database {owner['NAME']}, and {alias.upper()}_DATABASE_URL {runtime['NAME']}: "
            "host, port and user may differ, the database may not."
        )
    return {**owner, "OPTIONS": {"connect_timeout": 5, "application_name": "nullstore", **owner.get("OPTIONS", {})}}


# Kept apart: in a process of the owner's, Django's connections have the owner's.
RUNTIME_LOGINS = {
    alias: (str(DATABASES[alias]["USER"]), str(DATABASES[alias]["PASSWORD"])) for alias in (EREBUS, AGENTS)
}
OWNER_DATABASES = {EREBUS: _owner("EREBUS_OWNER_URL", EREBUS), AGENTS: _owner("AGENTS_OWNER_URL", AGENTS)}
if NULLSTORE_POOLER and not all(OWNER_DATABASES.values()):
    raise InvalidSetting(
        "NULLSTORE_POOLER needs EREBUS_OWNER_URL and AGENTS_OWNER_URL, which say where the servers themselves are: "
        "locks and snapshots last for a session. The web process needs no owner in them: postgres://host:port/database."
    )
DATABASE_ROUTERS = ["nullstore.router.HomeRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REPLICATION_ROLE = text("REPLICATION_ROLE", "nullblock_replicator")
REPLICATION_PASSWORD = text("REPLICATION_PASSWORD", defaults.REPLICATION_PASSWORD)
_source_url = text("REPLICATION_SOURCE_URL")
# None: the agents server reaches erebus by the same host and port as Django does.
REPLICATION_SOURCE = parse_database_url("REPLICATION_SOURCE_URL", _source_url) if _source_url else None
# On: the slot's standbys keep it up to date, so that the subscription survives the loss of the primary.
REPLICATION_FAILOVER = env.bool("REPLICATION_FAILOVER", default=False)
NULLSTORE_SLOT_TIMEOUT = env.float("NULLSTORE_SLOT_TIMEOUT", default=30.0)
if NULLSTORE_SLOT_TIMEOUT <= 0:
    raise InvalidSetting("NULLSTORE_SLOT_TIMEOUT must be a number of seconds above 0.")
NULLSTORE_LAG_THRESHOLD = env.float("NULLSTORE_LAG_THRESHOLD", default=10.0)
if NULLSTORE_LAG_THRESHOLD <= 0:
    raise InvalidSetting("NULLSTORE_LAG_THRESHOLD must be a number of seconds above 0.")

# Source and replica are one table name in two databases; nullstore.E003 checks what W035 cannot.
# W005 and W021 ask that every subdomain of the console's domain be on HTTPS for good: that is for its owner to say.
SILENCED_SYSTEM_CHECKS = ["models.W035", "security.W005", "security.W021"]

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
# The console speaks English: what it says is not looked up in catalogs, which costs a tenth of a page.
USE_I18N = False
USE_TZ = True
STATIC_URL = "static/"
if NULLSTORE_STATIC_DIR:
    STATIC_ROOT = NULLSTORE_STATIC_DIR
    # The content is part of each name: browsers may keep a file for ever. The others are of no use to them.
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }
    WHITENOISE_KEEP_ONLY_HASHED_FILES = True
