"""Who is answered what, before any other part of a request."""

import pytest
from django.test import Client, override_settings

from tests.integration.probes.scrapes import forget, get

TOKEN = "a-token-of-nobody-at-all"


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
@pytest.mark.usefixtures("committed_pair")
class TestEveryProbe:
    @override_settings(SECURE_SSL_REDIRECT=True, ALLOWED_HOSTS=["ops.example.com"])
    def test_answers_a_kubelet_by_address_and_http(self, path: str) -> None:
        forget()
        response = get(path, HTTP_HOST="10.1.2.3:8000")
        assert response.status_code == 200
        assert response["Cache-Control"] == "no-store"
        assert not response.cookies

    def test_head_has_no_body(self, path: str) -> None:
        response = Client().head(path)
        assert (response.status_code, response.content) == (200, b"")

    def test_other_methods_are_refused(self, path: str) -> None:
        response = Client().post(path)
        assert (response.status_code, response["Allow"]) == (405, "GET, HEAD")


@pytest.mark.usefixtures("committed_pair")
@pytest.mark.parametrize(
    "accept",
    [
        "application/openmetrics-text; version=new",
        "text/plain;version=1.x",
        ";=,;",
    ],
)
def test_metrics_in_a_form_that_does_not_exist_come_as_plain_text(accept: str) -> None:
    response = get("/metrics", HTTP_ACCEPT=accept)
    assert (response.status_code, response["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")


def test_too_many_parameters_are_a_bad_request() -> None:
    response = get(f"/readyz?{'a&' * 2000}")
    assert response.status_code == 400
    assert response["Content-Type"].startswith("text/plain")


def test_livez_asks_no_database() -> None:
    """pytest-django refuses every query of this test."""
    assert get("/livez").content == b"ok\n"


@pytest.mark.parametrize("path", ["/metrics", "/readyz?verbose"])
@pytest.mark.parametrize(
    ("settings", "request_has", "status"),
    [
        ({}, {"REMOTE_ADDR": "10.0.0.1"}, 403),
        ({}, {"REMOTE_ADDR": ""}, 403),
        ({}, {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "127.0.0.1"}, 403),
        ({}, {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "127.0.0.1"}, 403),
        ({}, {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_HOST": "ops.example.com"}, 403),
        ({"NULLSTORE_CLIENT_ADDRESS_HEADER": "X-Real-IP"}, {}, 403),
        ({"SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https")}, {}, 403),
        ({"NULLSTORE_METRICS_TOKEN": TOKEN}, {}, 401),
        ({"NULLSTORE_METRICS_TOKEN": TOKEN}, {"HTTP_AUTHORIZATION": "Bearer wrong"}, 401),
        ({"NULLSTORE_METRICS_TOKEN": TOKEN}, {"HTTP_AUTHORIZATION": "Bearer \xe4"}, 401),
        ({"NULLSTORE_METRICS_TOKEN": TOKEN}, {"HTTP_AUTHORIZATION": f"Basic {TOKEN}"}, 401),
    ],
)
def test_who_may_not(path: str, settings: dict[str, object], request_has: dict[str, str], status: int) -> None:
    with override_settings(**settings):
        response = get(path, **request_has)
    assert response.status_code == status
    assert response["Content-Type"].startswith("text/plain")
    assert TOKEN not in response.content.decode()


@pytest.mark.usefixtures("committed_pair")
@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_this_machine_may(address: str) -> None:
    assert get("/metrics", REMOTE_ADDR=address).status_code == 200


@pytest.mark.usefixtures("committed_pair")
def test_the_token_lets_in_from_anywhere() -> None:
    with override_settings(NULLSTORE_METRICS_TOKEN=TOKEN):
        assert get("/metrics", REMOTE_ADDR="10.0.0.1", HTTP_AUTHORIZATION=f"Bearer {TOKEN}").status_code == 200
