"""/livez, /readyz and /metrics: what orchestrators and Prometheus ask. docs/reference/probes.md is their contract."""
