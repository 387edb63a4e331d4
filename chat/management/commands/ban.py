from argparse import ArgumentParser

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from chat.actions.people import ban
from chat.management.refusing import person_named, refusals_as_command_errors


class Command(BaseCommand):
    help = "Close a person's account: their sessions, API tokens and connections end within a second."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--reason", default="", help="for other moderators to read")

    def handle(self, *, username: str, reason: str, **options: object) -> None:
        with refusals_as_command_errors():
            person = ban(person_named(username).pk, actor=None, reason=reason)
        self.stdout.write(_("%(username)s is banned.") % {"username": person.username})
