"""The runtime role: what the web process logs in as, and exactly the rights that it has."""
