"""The embedded pair: PostgreSQL servers made and run for this machine, without an installation.

`server` runs one server and knows nothing of Django; `pair` makes the servers that the settings ask for.
"""
