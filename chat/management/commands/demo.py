from argparse import ArgumentParser

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from chat.demo import staging
from chat.demo.cast import PEOPLE, password


class Command(BaseCommand):
    help = "Fill an empty installation with a community to look around in, and print its accounts."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--if-empty", action="store_true", help="do nothing where other people are here, instead of refusing"
        )
        parser.add_argument("--force", action="store_true", help="add the community beside the people who are here")

    def handle(self, *, if_empty: bool, force: bool, **options: object) -> None:
        if not staging.is_there():
            if not staging.is_empty():
                if if_empty and not force:
                    return
                self._check_other_data(force=force)
            staging.stage()
        self._print_accounts()

    def _check_other_data(self, *, force: bool) -> None:
        if not force:
            raise CommandError(
                _("Other people use this installation. `demo --force` adds the demo's people and rooms beside theirs.")
            )
        if taken := staging.taken_names():
            raise CommandError(_("These usernames are taken: %(names)s") % {"names": ", ".join(taken)})

    def _print_accounts(self) -> None:
        self.stdout.write(_("Demo accounts, all with the password %(password)s") % {"password": password()})
        for person in PEOPLE:
            part = person.part if person.part == "member" else f"{person.part}, /admin/"
            self.stdout.write(f"  {person.username:<8} {part:<22} {person.display_name}")
        if not settings.DEBUG:
            self.stdout.write(_("They are for trying Todoku out: ban or delete them before you invite anybody."))
