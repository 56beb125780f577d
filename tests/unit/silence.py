"""What every error about a secret must hold to."""

import traceback


def assert_keeps_silent(error: BaseException, *secrets: str) -> None:
    """Neither the message nor anything a traceback would print holds one of the secrets."""
    shown = "".join(traceback.format_exception(error)) + repr(error)
    assert error.__cause__ is None
    assert error.__context__ is None
    assert not [secret for secret in secrets if secret in shown]
