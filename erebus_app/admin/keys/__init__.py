"""Keys of LLM providers. No page shows a secret or its ciphertext, but for the one that answers to "Reveal"."""

from erebus_app.admin.keys import admin, log, sections

__all__ = ["admin", "log", "sections"]
