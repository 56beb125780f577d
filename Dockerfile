# The web process, and manage.py. Wheels are collected in one stage; the image has no compiler and does not run as root.
FROM python:3.11.14-slim-bookworm AS wheels
WORKDIR /build
COPY requirements.txt .
RUN pip wheel --no-cache-dir --wheel-dir /wheels -r requirements.txt

FROM python:3.11.14-slim-bookworm
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 NULLSTORE_ENV_FILE="" NULLSTORE_STATIC_DIR=/srv/nullstore/static
WORKDIR /srv/nullstore/app
COPY requirements.txt .
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links=/wheels -r requirements.txt \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin nullstore
COPY manage.py gunicorn.conf.py ./
COPY nullstore nullstore
COPY erebus_app erebus_app
COPY agents_app agents_app
# DEBUG for this one step: it needs no secret and no database.
RUN DEBUG=on python manage.py collectstatic --no-input
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, timeout=2); c.request('GET', '/livez'); raise SystemExit(c.getresponse().status != 200)"]
CMD ["gunicorn", "nullstore.wsgi"]
