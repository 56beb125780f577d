"""Failover of the publisher to a physical standby with synchronised slots."""
