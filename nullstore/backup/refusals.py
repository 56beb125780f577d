"""What a restore refuses before it changes anything."""

from collections.abc import Collection
from pathlib import Path

from django.db.migrations.loader import MigrationLoader

from nullstore import conf
from nullstore.backup import programs
from nullstore.backup.manifest import Dump, Manifest, faults
from nullstore.backup.server import Server
from nullstore.exceptions import DamagedBackup, RestoreError
from nullstore.owner import variable_of
from nullstore.replication.roles import check_password


def refuse_damaged(folder: Path, manifest: Manifest, aliases: Collection[str]) -> None:
    """Raise DamagedBackup unless all files of these databases are as they were written."""
    found = [said for alias in aliases for said in faults(folder, alias, manifest.databases[alias])]
    if found:
        raise DamagedBackup(f"The backup in {folder} is damaged:\n" + "\n".join(f"  {said}" for said in found))


def refuse_foreign(manifest: Manifest, *, force: bool) -> None:
    """Raise RestoreError if the backup is of another environment, unless that is wanted."""
    if not force and manifest.environment != conf.environment():
        raise RestoreError(
            f"The backup is of the environment {manifest.environment}, and this is {conf.environment()} "
            "(NULLSTORE_ENVIRONMENT). If that is what you want, add --force."
        )


def refuse_newer(alias: str, dump: Dump) -> None:
    """Raise RestoreError if the dump has migrations that this checkout does not."""
    known = MigrationLoader(None, ignore_no_migrations=True).disk_migrations.keys()
    newer = [f"{app}.{name}" for app, names in dump.migrations.items() for name in names if (app, name) not in known]
    if newer:
        raise RestoreError(
            f"The dump of {alias} has migrations that this checkout does not know: {', '.join(newer)}. Check out the "
            "version of nullstore that made the backup, or a newer one."
        )


def pg_restore(server: Server, dump: Dump) -> Path:
    """Return the program that restores the dump there. Raises RestoreError if the server is too old for it."""
    if dump.major > server.major:
        raise RestoreError(
            f"The dump of {server.alias} was made on PostgreSQL {dump.server_version}, and {server.place} runs "
            f"{server.major}: a dump cannot be restored into an older server."
        )
    return programs.find("pg_restore", server.major)


def refuse_unable(server: Server) -> None:
    """Raise RestoreError if we may not restore on the server.

    It takes a superuser: a new database grants functions of the system anew (docs/howto/database-roles.md), which
    nobody else may, and its sessions are ended whoever they belong to.
    """
    row = server.connection.execute("SELECT rolsuper, rolname FROM pg_roles WHERE rolname = current_user").fetchone()
    assert row is not None
    able, user = row
    if not able:
        raise RestoreError(
            f"{user} may not restore {server.place}: that takes a superuser, who grants a new database the "
            f"functions of the system that it needs. Set {variable_of(server.alias)} to one for this run."
        )


def refuse_mute(publisher: Server) -> None:
    """Raise RestoreError if erebus could not publish there, ReplicationError if nobody could log in to read that."""
    (level,) = publisher.connection.execute("SHOW wal_level").fetchone() or ("",)
    if level != "logical":
        raise RestoreError(
            f"wal_level is {level} on the server of {publisher.place}, which cannot publish so. Set "
            "wal_level = logical there and restart it, then run the same again."
        )
    role = conf.replication_role()
    if publisher.connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
        check_password(publisher.alias, role, dbname=publisher.connection.info.dbname)
