"""The entry point of a WSGI server."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nullstore.settings")
application = get_wsgi_application()
# What is loaded by now stays. A full collection would look through it every few hundred pages, and keep one of them
# waiting for up to a tenth of a second.
gc.collect()
gc.freeze()
