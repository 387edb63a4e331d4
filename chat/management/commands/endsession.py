from argparse import ArgumentParser

from allauth.usersessions.models import UserSession
from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from chat.actions.people import end_all_sessions, end_session
from chat.credentials import credential_of_session, credential_of_token
from chat.management.refusing import person_named, refusals_as_command_errors
from chat.models import User


class Command(BaseCommand):
    help = "List what lets a person in, or end one or all of it: the connections end within a second."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        choice = parser.add_mutually_exclusive_group()
        choice.add_argument("--all", action="store_true", help="every session and every API token")
        choice.add_argument("--credential", help="one of them, by the name in the list")
        parser.add_argument("--reason", default="ended by the operator")

    def handle(
        self,
        *,
        username: str,
        all: bool,  # noqa: A002  (the option's name)
        credential: str | None,
        reason: str,
        **options: object,
    ) -> None:
        person = person_named(username)
        with refusals_as_command_errors():
            if all:
                end_all_sessions(person.pk, reason=reason)
            elif credential:
                end_session(person.pk, credential=credential, reason=reason)
            else:
                self._list(person)
                return
        self.stdout.write(_("Ended."))

    def _list(self, person: User) -> None:
        for session in UserSession.objects.filter(user=person).order_by("created_at"):
            name = credential_of_session(session.session_key)
            self.stdout.write(f"{name}  {session.created_at:%Y-%m-%d %H:%M}  {session.ip}  {session.user_agent}")
        for token in person.api_tokens.filter(revoked_at=None).order_by("created_at"):
            self.stdout.write(f"{credential_of_token(token.pk)}  {token.created_at:%Y-%m-%d %H:%M}  {token.name}")
