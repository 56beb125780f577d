"""A scrape as Prometheus makes it, and its samples."""

from django.http import HttpResponse
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from nullstore.admin.watching import watch
from nullstore.probes import reach

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def forget() -> None:
    watch.forget()
    reach.forget()


def get(path: str, **extra: str) -> HttpResponse:
    return Client().get(path, **extra)


def scrape() -> Samples:
    """A new scrape of a process that knows nothing yet."""
    forget()
    return parsed(get("/metrics"))


def parsed(response: HttpResponse) -> Samples:
    assert response.status_code == 200
    families = text_string_to_metric_families(response.content.decode())
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def value(samples: Samples, name: str, **labels: str) -> float | None:
    """The only sample of that name with (at least) these labels; None if there is none."""
    found = [v for (n, has), v in samples.items() if n == name and labels.items() <= dict(has).items()]
    assert len(found) <= 1
    return found[0] if found else None
