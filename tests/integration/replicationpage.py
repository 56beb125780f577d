"""What tests of the replication page share: who opens it, and what it says as HTML and as JSON."""

from html import unescape
from re import sub
from typing import Any, Final

from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

PAGE: Final = "/admin/replication/"


def operator(name: str = "olga") -> Client:
    """A member of staff who may look at replication, start verifications and nothing else."""
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_verificationrun", "add_verificationrun"]))
    client = Client()
    client.force_login(user)
    return client


def text_of(html: str) -> str:
    """The words that a person sees, with single spaces."""
    return " ".join(unescape(sub(r"<[^>]*>", " ", html)).split())


def words(client: Client, address: str = PAGE) -> str:
    """The words on a page of the console."""
    response = client.get(address)
    assert response.status_code == 200
    return text_of(response.content.decode().partition('<div id="content-main"')[2])


def status(client: Client) -> dict[str, Any]:
    """The answer of the JSON endpoint."""
    response = client.get(reverse("admin:replication_status"))
    assert response.status_code == 200
    answer: dict[str, Any] = response.json()
    return answer


def codes(answer: dict[str, Any]) -> list[str]:
    return [problem["code"] for problem in answer["problems"]]
