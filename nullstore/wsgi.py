"""The entry point of a WSGI server."""

import gc
import os
from importlib import import_module

from django.core.wsgi import get_wsgi_application

from nullstore import logs

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nullstore.settings")
application = get_wsgi_application()
logs.serve()
# Commands run the checks by themselves, a WSGI server does not.
import_module("nullstore.checks").refuse_bad_secrets()  # not above: it needs the settings
# What is loaded by now stays. A full collection would look through it every few hundred pages, and keep one of them
# waiting for up to a tenth of a second.
gc.collect()
gc.freeze()
