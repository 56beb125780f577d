"""Backup and restore of the pair.

A backup is a folder: `manifest.json`, and a dump (`pg_dump -Fd`) of each database in a folder of its name. The manifest
says what the dumps must hold when they have been restored, to the row.
"""
