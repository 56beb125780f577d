"""The settings of nullstore with a page of its own that fails, as no page of nullstore can be made to."""

from nullstore.settings import *  # noqa: F403

ROOT_URLCONF = "tests.integration.deployment.crashing_urls"
