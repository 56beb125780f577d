"""Values that make a first start on one's own machine possible. Public, hence refused where DEBUG is off."""

from typing import Final

LOCAL_PASSWORD: Final = "postgres_secure_pass"
SECRET_KEY: Final = "insecure-example-secret-key-for-development-only"
REPLICATION_PASSWORD: Final = "insecure-example-replication-password"
#: Of the handbook, of .env.example, and of other people's: no role may have one of them, whichever it was made for.
PUBLISHED_PASSWORDS: Final = frozenset({LOCAL_PASSWORD, REPLICATION_PASSWORD, "postgres", "password", "changeme"})
FIELD_ENCRYPTION_KEYS: Final = "example:aW5zZWN1cmUtZXhhbXBsZS1lbmNyeXB0aW9uLWtleSE="

EREBUS_DATABASE_URL: Final = f"postgres://postgres:{LOCAL_PASSWORD}@127.0.0.1:5440/erebus"
AGENTS_DATABASE_URL: Final = f"postgres://postgres:{LOCAL_PASSWORD}@127.0.0.1:5441/agents"
