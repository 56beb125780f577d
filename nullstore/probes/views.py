"""The answers of /livez, /readyz and /metrics."""

from django.http import HttpRequest, HttpResponse
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, choose_encoder, generate_latest

from nullstore.probes import ready as readiness
from nullstore.probes.collector import registry_of
from nullstore.probes.guard import refusal
from nullstore.probes.snapshot import snapshot


def plain(text: str, status: int = 200, content_type: str = "text/plain; charset=utf-8") -> HttpResponse:
    """Return an answer that nobody keeps and no browser takes for a page."""
    response = HttpResponse(text, status=status, content_type=content_type)
    response["Cache-Control"] = "no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def live(request: HttpRequest) -> HttpResponse:
    """This process serves requests. Asks nobody: a restart mends no database."""
    return plain("ok\n")


def ready(request: HttpRequest) -> HttpResponse:
    """The status code is the contract. `verbose` lists every check with its reason, for those who may see that."""
    verbose = "verbose" in request.GET
    if verbose and (refused := _refused(request)):
        return refused
    excluded = request.GET.getlist("exclude")
    found = readiness.checks(excluded)
    passed = all(check.passed for check in found)
    if passed and not verbose:
        return plain("ok\n")
    lines = [check.line(reasons=verbose) for check in found]
    lines += [f"[+]{name} excluded: ok" for name in readiness.CHECKS if name in excluded]
    # Not what was sent, which is somebody's text.
    if not set(excluded) <= set(readiness.CHECKS):
        lines.append(f"warn: some checks cannot be excluded: there are {', '.join(readiness.CHECKS)}")
    lines.append(f"readyz check {'passed' if passed else 'failed'}")
    return plain("\n".join(lines) + "\n", 200 if passed else 503)


def metrics(request: HttpRequest) -> HttpResponse:
    """What Prometheus reads. 200 with a database down, too: that is a metric."""
    if refused := _refused(request):
        return refused
    try:
        encode, content_type = choose_encoder(request.META.get("HTTP_ACCEPT", ""))
    except (TypeError, ValueError):  # it compares whatever stands for a version with numbers
        encode, content_type = generate_latest, CONTENT_TYPE_PLAIN_0_0_4
    return plain(encode(registry_of(snapshot())).decode(), content_type=content_type)


def _refused(request: HttpRequest) -> HttpResponse | None:
    refused = refusal(request)
    if refused is None:
        return None
    response = plain(refused.message, refused.status)
    if refused.status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="nullstore"'
    return response
