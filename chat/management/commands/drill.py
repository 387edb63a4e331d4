"""`manage.py drill`: does this installation's code keep its promise when everything breaks?"""

import asyncio
import json
import secrets
import shutil
import signal
import sys
import tempfile
from argparse import SUPPRESS, ArgumentParser
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from chat.drill.hand import StewardFailed
from chat.drill.history import read
from chat.drill.hooks.slow import WITHOUT as FAST_PATHS
from chat.drill.installation import Setup
from chat.drill.parts.failure import PartFailedError
from chat.drill.report import as_json, print_report
from chat.drill.run import HISTORY, REST_S, Drill, PagesFailed, run
from chat.drill.schedule import FaultUnknown, chosen, schedule
from chat.drill.verdict import VOID, judge
from chat.management.progress_bar import show_progress

MINUTE_S = 60
BESIDE_S = 20.0  # what a drill takes besides its talk: processes start and end, rooms are fetched
KILLS_PER_MINUTE = 4.2  # at random moments; a tenth of that at each point
INTERRUPTED = 130
CLIENT_BUGS = {"stale-page", "reordering-outbox"}


class Command(BaseCommand):
    help = "Let clients talk while everything breaks, in an installation made for it, and check what arrived."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seed", type=int, help="what the faults and the talk follow from (printed)")
        parser.add_argument("--minutes", type=float, default=2.0, help="how long to talk (2)")
        parser.add_argument("--database", default="sqlite", help="sqlite, postgres, or the URL of one that runs")
        parser.add_argument("--layer", default="memory", help="memory, redis, or the URL of one that runs")
        parser.add_argument("--processes", type=int, default=1, choices=range(1, 5), help="server processes (1)")
        parser.add_argument("--clients", type=int, default=20, help="clients that talk (20)")
        parser.add_argument("--pages", type=int, default=0, help="of these, the product's own under Node.js")
        parser.add_argument("--faults", default="all", help="all, none, or names with commas between them")
        parser.add_argument("--kills", type=int, help="how often a server is killed at a random moment")
        parser.add_argument(
            "--without", default=[], action="append", choices=FAST_PATHS, help="a fast path that the servers do without"
        )
        parser.add_argument("--json", action="store_true", dest="as_machine", help="print the result as JSON")
        parser.add_argument("--replay", type=Path, metavar="FILE", help="check a history that was kept, run nothing")
        parser.add_argument("--keep", type=Path, metavar="DIR", help="work in DIR and keep what was recorded")
        # To test the drill itself: a mistake put in on purpose, which need not be waited for as long.
        parser.add_argument("--bug", default="", help=SUPPRESS)
        parser.add_argument("--rest", type=float, default=REST_S, help=SUPPRESS)

    def handle(self, *, replay: Path | None, as_machine: bool, **given: Any) -> None:
        if replay is not None:
            sys.exit(_judge(replay, as_machine=as_machine))
        drill = _drill(**given)
        print(f"Seed {drill.seed}", file=sys.stderr if as_machine else sys.stdout, flush=True)
        folder, kept = _folder(given["keep"])
        status = 1
        try:
            with show_progress(drill.lasts_s + BESIDE_S) as say:
                file = asyncio.run(_until_told(run(drill, folder, say)))
            status = _judge(file, as_machine=as_machine)
            if status:
                print(f"The history is kept: {file}", file=sys.stderr)
        except PartFailedError as error:
            raise CommandError(str(error)) from error
        except (PagesFailed, StewardFailed) as error:
            status = VOID
            print(f"Void: the drill broke off. {error}\nThe history is kept: {folder / HISTORY}", file=sys.stderr)
        except asyncio.CancelledError:
            status = INTERRUPTED
        finally:
            if not kept and status in (0, INTERRUPTED):
                shutil.rmtree(folder, ignore_errors=True)
        sys.exit(status)


def _drill(
    *, seed: int | None, minutes: float, database: str, layer: str, processes: int, clients: int, pages: int,
    faults: str, kills: int | None, without: list[str], bug: str, rest: float, **_: object,
) -> Drill:  # fmt: skip
    server_bug = "" if bug in CLIENT_BUGS else bug
    setup = Setup(database, layer, processes, pages, server_bug, tuple(without))
    seed = secrets.randbelow(10**6) if seed is None else seed
    lasts_s = minutes * MINUTE_S
    try:
        kinds = chosen(faults, setup)
    except FaultUnknown as error:
        raise CommandError(str(error)) from error
    kills = round(KILLS_PER_MINUTE * minutes) if kills is None else kills
    plan = schedule(seed, lasts_s=lasts_s, faults=kinds, kills=kills)
    return Drill(setup, seed, lasts_s, clients, plan, frozenset({bug} & CLIENT_BUGS), rest)


def _folder(wanted: Path | None) -> tuple[Path, bool]:
    """Where to work, and whether it is kept in any case."""
    if wanted is None:
        return Path(tempfile.mkdtemp(prefix="todoku-drill-")), False
    wanted.mkdir(parents=True, exist_ok=True)
    if any(wanted.iterdir()):
        raise CommandError(f"{wanted} is not empty.")
    return wanted.resolve(), True


async def _until_told(work: Coroutine[Any, Any, Path]) -> Path:
    """SIGTERM ends it like Ctrl-C, with all that it has started; so does SIGINT where the shell lets programs in the
    background ignore it."""
    task = asyncio.ensure_future(work)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await task


def _judge(file: Path, *, as_machine: bool) -> int:
    try:
        history = read([file])
    except (OSError, ValueError) as error:
        raise CommandError(f"{file} can't be read as a history: {error}") from error
    verdict = judge(history)
    if as_machine:
        print(json.dumps(as_json(history, verdict), ensure_ascii=False))
    else:
        print_report(history, verdict, Console())
    return verdict.status
