"""The web process: `gunicorn nullstore.wsgi` reads this file in the folder it is started in."""

import os

from nullstore.logs import gunicorn_settings

bind = os.environ.get("NULLSTORE_BIND", "0.0.0.0:8000")
workers = int(os.environ.get("NULLSTORE_WORKERS", "2"))
worker_class = "gthread"
threads = int(os.environ.get("NULLSTORE_THREADS", "4"))
# Above the 10 s that a statement of a page may take; a worker that hangs for longer is replaced.
timeout = 30
# What is being answered when SIGTERM comes is answered to its end; compose.yaml waits a little longer.
graceful_timeout = 20
# Proxies that may say by X-Forwarded-Proto that people came by https; Django asks NULLSTORE_TLS_HEADER, too.
forwarded_allow_ips = os.environ.get("NULLSTORE_PROXIES", "127.0.0.1")
# In memory: a worker's sign of life must not wait for a disk.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: PTH112, S108
accesslog = None
# Its own lines in the form of ours. From the environment: .env has not been read here.
logconfig_dict = gunicorn_settings(os.environ.get("NULLSTORE_LOG_FORMAT", "text"))
max_requests = 10_000
max_requests_jitter = 1_000
