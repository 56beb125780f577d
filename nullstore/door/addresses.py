"""The addresses of the door, in the namespace of the admin site; 404 while two-factor is off."""

from django.urls import URLPattern, path

from nullstore.door import pages


def urls() -> list[URLPattern]:
    """Not through admin_view(): they are for those whom it does not let in yet."""
    return [
        path("two-factor/", pages.own, name="two_factor"),
        path("two-factor/code/", pages.code, name="two_factor_code"),
        path("two-factor/set-up/", pages.set_up, name="two_factor_set_up"),
        path("two-factor/leave/", pages.leave, name="two_factor_leave"),
    ]
