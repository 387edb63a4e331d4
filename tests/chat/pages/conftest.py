"""Browsers without JavaScript: each with its own cookies, and with CSRF checked as in earnest."""

from collections.abc import Callable

import pytest
from django.core.cache import cache
from django.test import Client

from chat.models import User

Browse = Callable[..., Client]


@pytest.fixture(autouse=True)
def _unhurried() -> None:
    """allauth counts log-ins and mails in the cache, from one test to the next."""
    cache.clear()


@pytest.fixture
def browse() -> Browse:
    """`browse()` is an anonymous browser, `browse(person)` one in which that person is logged in."""

    def browser(viewer: User | None = None, *, language: str = "en") -> Client:
        client = Client(enforce_csrf_checks=True, headers={"accept-language": language})
        if viewer is not None:
            client.force_login(viewer, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return browser
