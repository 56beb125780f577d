"""The web process and what stands in front of the databases, as they are deployed."""
