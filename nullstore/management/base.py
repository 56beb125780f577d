"""What the commands of nullstore share."""

from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, OperationalError, connections
from django.db.migrations.executor import MigrationExecutor

from nullstore.databases import ALIASES, EREBUS
from nullstore.exceptions import DatabaseUnavailable, NoDefaultDatabase, NullstoreError


class CleanErrors(BaseCommand):
    """Ends with one line in place of a traceback where the cause lies outside the program.

    Exit code 1 = not yet or different, 2 = broken, 130 = interrupted.
    """

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except DatabaseUnavailable as error:
            raise CommandError(f"{_unreachable()}{error}", returncode=error.exit_code) from error
        except NullstoreError as error:
            raise CommandError(str(error), returncode=error.exit_code) from error
        except CommandError as error:
            # Django's commands guess at reasons where the database has said what it is.
            if isinstance(error.__cause__, DatabaseError):
                raise CommandError(str(error.__cause__).strip(), returncode=2) from error
            raise
        except (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise CommandError(f"{_unreachable()}{str(error).strip()}", returncode=2) from error
        except (DatabaseError, psycopg.Error) as error:
            raise CommandError(str(error).strip(), returncode=2) from error
        except KeyboardInterrupt:
            raise CommandError("Interrupted; run it again to go on.", returncode=130) from None

    def check_migrations(self) -> None:
        """Tell of unapplied migrations in either database. Django's own looks at the default one only."""
        for alias in ALIASES:
            executor = MigrationExecutor(connections[alias])
            plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
            if plan:
                apps = ", ".join(sorted({migration.app_label for migration, _ in plan}))
                self.stdout.write(
                    self.style.NOTICE(f"{alias} has unapplied migrations of {apps}. Run: manage.py migrate")
                )


class ErebusByDefault(CleanErrors):
    """For Django's commands that act on one database: erebus unless --database says otherwise."""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database=EREBUS)


class NamedDatabase(CleanErrors):
    """For Django's commands that would do nothing on the default database, and say so by nothing: name one."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        if options.get("database") == DEFAULT_DB_ALIAS:
            raise CommandError(str(NoDefaultDatabase()), returncode=2)
        return super().execute(*args, **options)


def _unreachable() -> str:
    """Say which servers do not answer, and what to run; "" if all do."""
    silent = [alias for alias in ALIASES if not _answers(alias)]
    places = ["{0} at {HOST}:{PORT}".format(alias, **connections[alias].settings_dict) for alias in silent]
    if not places:
        return ""
    return f"No answer from {' and '.join(places)} (manage.py localdb start starts the local pair). "


def _answers(alias: str) -> bool:
    connection = connections[alias]
    connection.close()
    try:
        connection.ensure_connection()
    except (OperationalError, InterfaceError):
        return False
    return True
