"""What commands share: people by their name, and refusals in the command line's own way."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from chat.models import User
from realtime.errors import Refusal


def person_named(username: str) -> User:
    """The person with this username.

    Raises:
        CommandError: there is none.
    """
    person = User.objects.filter(username=username).first()
    if person is None:
        raise CommandError(_("There is nobody with the username %(username)s.") % {"username": username})
    return person


@contextmanager
def refusals_as_command_errors() -> Iterator[None]:
    """Let a refusal end the command with its reason, without a traceback."""
    try:
        yield
    except Refusal as refusal:
        raise CommandError(f"{refusal.reason}: {refusal}") from refusal
