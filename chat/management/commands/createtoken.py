from argparse import ArgumentParser

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from chat.actions.tokens import create_token
from chat.management.refusing import person_named, refusals_as_command_errors


class Command(BaseCommand):
    help = "Make an API token and print it: it is shown this once and kept nowhere."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--name", default="command line", help="what it is for")

    def handle(self, *, username: str, name: str, **options: object) -> None:
        with refusals_as_command_errors():
            token, text = create_token(person_named(username), name=name)
        self.stderr.write(
            _("%(name)s: use it as `Authorization: Bearer <token>`. Nobody can read it again.") % {"name": token.name}
        )
        self.stdout.write(text)
