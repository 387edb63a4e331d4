"""`manage.py loadtest`: how fast is this installation, and what does it cost?"""

import asyncio
import json
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import psutil
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from chat.loadtest import wire
from chat.loadtest.figures import Figures
from chat.loadtest.people import ContractFailed, Place, archive, rooms_of, tokens_made
from chat.loadtest.report import print_figures
from chat.loadtest.scenarios import ARRIVAL_LIMIT_S, SCENARIOS, Cast, Plan, play
from chat.loadtest.server_processes import ServerProcesses, found_at
from chat.loadtest.worker import WorkerFailed
from chat.management.progress_bar import Say, show_progress

INVALID = 3
INTERRUPTED = 130
SOCKETS_OF_ONE = 40  # REALTIME_MAX_CONNECTIONS_PER_PERSON allows 50


class Command(BaseCommand):
    help = (
        "Let clients connect to a running server, listen and send, and say how long it took and what it cost. "
        f"Ends with {INVALID} where the run does not count."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("scenario", nargs="?", default="fan-out", choices=SCENARIOS)
        parser.add_argument("--url", help="where the server answers (this installation's HOST and PORT)")
        parser.add_argument("--clients", type=int, help="how many listen (each scenario has a number of its own)")
        parser.add_argument("--rooms", type=int, help="over how many rooms they are spread")
        parser.add_argument("--rate", type=float, help="sends per second in all; 0: as many as are acknowledged")
        parser.add_argument("--senders", type=int, help="who send at the same time with --rate 0")
        parser.add_argument("--over", choices=("http", "websocket"), default="http", help="how sends travel (http)")
        parser.add_argument("--duration", type=float, metavar="SECONDS", help="how long to send")
        parser.add_argument("--processes", type=int, default=1, help="of listening clients (1)")
        parser.add_argument("--pid", type=int, action="append", help="a server process; found by its port otherwise")
        parser.add_argument(
            "--tokens",
            type=Path,
            metavar="FILE",
            help="API tokens of people to talk as, one a line. Without it people are made in this installation's "
            "database, and removed afterwards.",
        )
        parser.add_argument("--json", action="store_true", dest="as_machine", help="print the result as JSON")

    def handle(self, *, scenario: str, as_machine: bool, tokens: Path | None, **given: Any) -> None:
        plan, clients = _plan(scenario, **given)
        url = (given["url"] or f"http://{settings.HOST}:{settings.PORT}").rstrip("/")
        try:
            server = ServerProcesses(given["pid"]) if given["pid"] else found_at(url)
        except psutil.NoSuchProcess as error:
            raise CommandError(str(error)) from error
        try:
            with ExitStack() as stack:
                say = stack.enter_context(show_progress(plan.seconds + ARRIVAL_LIMIT_S))
                known = _read(tokens) if tokens else stack.enter_context(tokens_made(-(-clients // SOCKETS_OF_ONE)))
                test = _LoadTest(url, known, archive_after=tokens is not None, over=given["over"])
                figures = asyncio.run(test.run(scenario, plan, clients, server, given["processes"], say))
        except (ContractFailed, WorkerFailed) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
        if as_machine:
            print(json.dumps(figures.as_json()))
        else:
            print_figures(figures, Console())
        sys.exit(0 if figures.valid else INVALID)


def _plan(
    scenario: str, *, clients: int | None, rooms: int | None, rate: float | None, senders: int | None,
    duration: float | None, **_: Any,
) -> tuple[Plan, int]:  # fmt: skip
    usual, usual_clients = SCENARIOS[scenario][1:]
    for name, value in (("clients", clients), ("rooms", rooms), ("senders", senders), ("duration", duration)):
        if value is not None and value <= 0:
            raise CommandError(f"--{name} has to be more than 0, not {value:g}.")
    plan = Plan(
        rooms=rooms or usual.rooms,
        rate=usual.rate if rate is None else rate or None,
        senders=senders or usual.senders,
        seconds=duration or usual.seconds,
    )
    clients = clients or usual_clients
    if clients % plan.rooms:
        raise CommandError(f"--clients has to be a multiple of --rooms, {plan.rooms}.")
    return plan, clients


def _read(file: Path) -> list[str]:
    try:
        tokens = file.read_text().split()
    except OSError as error:
        raise CommandError(f"{file} can't be read: {error.strerror}.") from error
    if not tokens:
        raise CommandError(f"{file} has no token in it.")
    return tokens


class _LoadTest:
    def __init__(self, url: str, tokens: Sequence[str], *, archive_after: bool, over: str) -> None:
        """`archive_after`: nobody removes the rooms."""
        self._url = url
        self._websocket_url = url.replace("http", "ws", 1)
        self._tokens = tokens
        self._archive_after = archive_after
        self._over = over

    async def run(
        self, scenario: str, plan: Plan, clients: int, server: ServerProcesses, processes: int, say: Say
    ) -> Figures:
        members = clients // plan.rooms
        say(f"{plan.rooms:,} rooms are made")
        places = await rooms_of(self._url, self._tokens, rooms=plan.rooms, members=members)
        try:
            cast = Cast(self._sockets(places, members), [self._letter(place) for place in places])
            return await play(scenario, plan, cast, server, processes=processes, say=say)
        finally:
            if self._archive_after:
                await archive(self._url, places)

    def _sockets(self, places: Sequence[Place], members: int) -> list[wire.Socket]:
        return [
            wire.listening(self._websocket_url, token=token, room=place.room)
            for place in places
            for token in islice(cycle(place.tokens), members)
        ]

    def _letter(self, place: Place) -> wire.Letter:
        if self._over == "http":
            return wire.sending(self._url, token=place.tokens[0], room=place.room)
        return wire.sending_over_websocket(self._websocket_url, token=place.tokens[0], room=place.room)
