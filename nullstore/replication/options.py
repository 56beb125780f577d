"""PostgreSQL's options of publications and subscriptions, 15 to 18, as one table: name, type and first version.

Sources: the catalogs pg_publication and pg_subscription and the reference pages of CREATE and ALTER PUBLICATION and
SUBSCRIPTION of each version. What nullstore sets itself (the slot, enabling, the copy) is no option of a migration.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from nullstore.exceptions import ReplicationError
from nullstore.replication.catalog.query import Connection, first_row, server_version

_BOOLEAN: Final = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Option:
    """One option: `stored` maps what the catalog's `column` says, as text, to the values that can be declared.

    `since` is the first major version that has it, `values_since` the first for values that came later, `altered_since`
    the first in which ALTER takes it, and `stopped` tells that the subscription must be disabled for that. `default` is
    the server's (of 15 to 17 where they differ).
    """

    name: str
    column: str
    default: Any = False
    stored: Mapping[str, Any] = field(default_factory=lambda: _BOOLEAN)
    since: int = 15
    values_since: Mapping[Any, int] = field(default_factory=dict)
    altered_since: int = 15
    stopped: bool = False

    @property
    def values(self) -> list[Any]:
        return list(dict.fromkeys(self.stored.values()))


PUBLICATION_OPTIONS: Final = (
    Option("publish_via_partition_root", "pubviaroot"),
    Option("publish_generated_columns", "pubgencols", "none", {"n": "none", "s": "stored"}, since=18),
)
SUBSCRIPTION_OPTIONS: Final = (
    Option("binary", "subbinary"),
    Option(
        "streaming",
        "substream",
        False,
        {"false": False, "true": True, "f": False, "t": True, "p": "parallel"},
        values_since={"parallel": 16},
    ),
    Option(
        "synchronous_commit",
        "subsynccommit",
        "off",
        {value: value for value in ("off", "local", "remote_write", "remote_apply", "on")},
    ),
    Option("two_phase", "subtwophasestate", False, {"d": False, "p": True, "e": True}, altered_since=18, stopped=True),
    Option("disable_on_error", "subdisableonerr"),
    Option("password_required", "subpasswordrequired", True, since=16),
    Option("run_as_owner", "subrunasowner", since=16),
    Option("origin", "suborigin", "any", {"any": "any", "none": "none"}, since=16),
    Option("failover", "subfailover", since=17, stopped=True),
)
#: Options that a server refuses together, and the first version that takes both.
_EXCLUSIVE: Final = (("failover", "two_phase", 18),)


def check_options(what: str, options: Mapping[str, Any], table: tuple[Option, ...]) -> dict[str, Any]:
    """Return a copy of `options`; raise ValueError for a name or a value that no version of PostgreSQL has."""
    known = {option.name: option for option in table}
    for name, value in options.items():
        if name not in known:
            raise ValueError(f"{what}: {name!r} is not one of {', '.join(known)}")
        if not any(value is allowed or (value == allowed and value not in (0, 1)) for allowed in known[name].values):
            raise ValueError(f"{what}: {name} = {value!r} is not one of {known[name].values}")
    return dict(options)


def refuse_unknown(what: str, options: Mapping[str, Any], table: tuple[Option, ...], version: int) -> None:
    """Raise ReplicationError for an option that a server of this major version does not have yet."""
    for option in _declared(options, table):
        needed = max(option.since, option.values_since.get(options[option.name], 0))
        if version < needed:
            raise ReplicationError(
                f"{what}: {option.name} = {literal(options[option.name])} needs PostgreSQL {needed}, and the server is "
                f"PostgreSQL {version}. Upgrade the server, or leave the option out of the migration."
            )
    for one, other, together in _EXCLUSIVE:
        if options.get(one) and options.get(other) and version < together:
            raise ReplicationError(
                f"{what}: {one} and {other} exclude each other up to PostgreSQL {together - 1}, and the server is "
                f"PostgreSQL {version}."
            )


def current(connection: Connection, catalog: str, oid: int, table: tuple[Option, ...]) -> dict[str, Any]:
    """Return the options, as far as this server has them, of the object of that oid in a catalog."""
    version = server_version(connection)
    known = [option for option in table if option.since <= version]
    columns = ", ".join(f"{option.column}::text" for option in known)
    row = first_row(connection, f"SELECT {columns} FROM {catalog} WHERE oid = %s", [oid]) or ()
    return {option.name: option.stored.get(value, value) for option, value in zip(known, row, strict=bool(row))}


def options_of_subscription(connection: Connection, oid: int) -> dict[str, Any]:
    """Return the options of the subscription of that oid, as far as this server has them."""
    return current(connection, "pg_subscription", oid, SUBSCRIPTION_OPTIONS)


def to_alter(declared: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the declared options that are not so in the catalog. What is not declared is left as it is."""
    return {name: value for name, value in declared.items() if name not in found or found[name] != value}


def dropped(before: Mapping[str, Any], after: Mapping[str, Any], table: tuple[Option, ...]) -> dict[str, Any]:
    """Return the defaults of the options that were declared before and no longer are."""
    return {option.name: option.default for option in _declared(before, table) if option.name not in after}


def clause(options: Mapping[str, Any]) -> str:
    """Return `options` as they stand between the parentheses of WITH or SET."""
    return ", ".join(f"{name} = {literal(value)}" for name, value in options.items())


def literal(value: Any) -> str:
    """Return an option's value as SQL."""
    return str(value).lower() if isinstance(value, bool) else f"'{value}'"


def _declared(options: Mapping[str, Any], table: tuple[Option, ...]) -> Iterator[Option]:
    return (option for option in table if option.name in options)
