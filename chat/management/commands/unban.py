from argparse import ArgumentParser

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from chat.actions.people import unban
from chat.management.refusing import person_named, refusals_as_command_errors


class Command(BaseCommand):
    help = "Open a banned person's account again. API tokens that ended with the ban stay ended."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, *, username: str, **options: object) -> None:
        with refusals_as_command_errors():
            person = unban(person_named(username).pk, actor=None)
        self.stdout.write(_("%(username)s may log in again.") % {"username": person.username})
