"""Logical replication between the two databases. See docs/discussions/replication.md."""
