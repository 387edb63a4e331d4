"""Lets something happen in the past."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.utils import timezone


@contextmanager
def happening_at(moment: datetime) -> Iterator[None]:
    """Make `timezone.now()` answer `moment`, so that an action stores what it does as done then.

    For a command that has its process to itself: everything in the process lives in that moment.
    """
    real = timezone.now
    timezone.now = lambda: moment
    try:
        yield
    finally:
        timezone.now = real
