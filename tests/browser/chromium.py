"""Debian's Chromium, driven by playwright, and what has to be installed for it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

#: Set where a missing browser is a failure, not a reason to leave the tests out.
REQUIRED = "NULLSTORE_BROWSER_REQUIRED"
AXE = Path(__file__).with_name("node_modules") / "axe-core" / "axe.min.js"
_NAMES = ("chromium", "chromium-browser", "google-chrome")
#: The browser asks nobody but the server under test: no updates, no lists, no names to be looked up.
_ARGUMENTS = (
    "--no-sandbox",  # of a browser that root runs, and that sees nothing but this site
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


def executable() -> Path:
    """Return where the browser is; skip the test, or fail it where a browser is required, if there is none."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None:
        _missing("There is no Chromium: install Debian's package chromium.")
    return Path(str(found))


def axe() -> Path:
    """Return where axe-core is; skip or fail as executable() does."""
    if not AXE.exists():
        _missing(f"There is no axe-core: run npm ci in {AXE.parents[2]}.")
    return AXE


def _missing(what: str) -> None:
    if os.environ.get(REQUIRED):
        pytest.fail(what, pytrace=False)
    pytest.skip(what)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run a browser without a window."""
    program = executable()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_ARGUMENTS))
        yield browser
        browser.close()
