"""What an engram said, when, and how that differs: reading only. agents_app.services.engrams does things to one."""
