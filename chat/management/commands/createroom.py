from argparse import ArgumentParser

from django.core.management.base import BaseCommand

from chat.actions.rooms import create_room
from chat.management.refusing import person_named, refusals_as_command_errors
from chat.models import Room


class Command(BaseCommand):
    help = "Make a room and print its slug."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--owner", required=True, help="username of its owner")
        parser.add_argument("--slug", help="made from the name where it is left out")
        parser.add_argument("--topic", default="")
        parser.add_argument("--private", action="store_true", help="for members alone")

    def handle(self, *, name: str, owner: str, slug: str | None, topic: str, private: bool, **options: object) -> None:
        visibility = Room.Visibility.PRIVATE if private else Room.Visibility.PUBLIC
        with refusals_as_command_errors():
            room = create_room(author=person_named(owner), name=name, slug=slug, topic=topic, visibility=visibility)
        self.stdout.write(room.slug)
