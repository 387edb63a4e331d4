"""`manage.py drill`, whole: short drills with fixed seeds, and the drill's own alarms."""

import asyncio
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from chat.drill import run as running
from chat.drill.faults import FAULTS, KILLS
from chat.drill.faults.fault import Incident, Kind, Lane, Scene
from chat.drill.history import read
from chat.drill.hooks.slow import WITHOUT
from chat.drill.installation import Setup
from chat.drill.parts.databases import ROOT
from chat.drill.parts.waiting import until
from chat.drill.run import Drill
from chat.drill.schedule import Planned, chosen
from chat.drill.verdict import BROKEN, VOID, Verdict, judge
from tests.drill.drilling import command, drill, environment

pytestmark = pytest.mark.drill

SHORT = ("--minutes", "0.15", "--clients", "8")
INTERRUPTED = 130
SEEDS = (3, 4, 5, 7, 8, 9)

# By mistake: the promises that must be found broken, and those that may be as well, as the run has it.
ALSO_MISSING = {"no-loss", "state", "liveness"}
MISTAKES: dict[str, tuple[set[str], set[str]]] = {
    "skipped-seq": ({"gapless", "in-time"}, ALSO_MISSING),
    "doubled-event": ({"no-duplicate"}, set()),
    # One who comes meanwhile reads the log, in whose order the others did not get it.
    "swapped-events": ({"gapless"}, {"one-order", "in-time", *ALSO_MISSING}),
    "trusted-hint": ({"gapless", "in-time"}, {"shut-out", *ALSO_MISSING}),
    "early-permission": ({"shut-out"}, set()),
    # It looks for most of a second before it locks, and whoever sends into the room meanwhile waits behind it.
    "unlocked-permission": ({"shut-out"}, {"liveness"}),
    "late-unsubscribe": ({"shut-out"}, set()),
    "stale-page": ({"state"}, set()),
    "reordering-outbox": ({"fifo"}, set()),
}


@pytest.fixture
def scratch() -> Iterator[Path]:
    """An empty folder. Not one of pytest's, which nobody else may enter: PostgreSQL runs as another user."""
    with tempfile.TemporaryDirectory(prefix="todoku-") as folder:
        path = Path(folder)
        path.chmod(0o755)
        yield path


def test_the_embedded_installation_keeps_its_promises_while_things_break(scratch: Path) -> None:
    arguments = ("--seed", "1", "--minutes", "0.7", "--clients", "10", "--pages", "4", "--processes", "2")
    ended = drill(*arguments, "--kills", "2", scratch=scratch)
    assert ended.status == 0, ended.complaints
    assert list(scratch.iterdir()) == []


def test_three_processes_keep_their_promises_while_they_and_postgres_and_redis_are_in_trouble(scratch: Path) -> None:
    arguments = ("--seed", "2", "--minutes", "0.8", "--clients", "12", "--processes", "3")
    setup = Setup("postgres", "redis", 3)
    theirs = [kind.name for kind in chosen("all", setup) if kind in KILLS or not kind.applies(Setup())]
    parts = ("--database", "postgres", "--layer", "redis", "--faults", ",".join(theirs), "--kills", "1")
    ended = drill(*arguments, *parts, scratch=scratch)
    assert ended.status == 0, ended.complaints
    assert {fault["name"] for fault in ended.result["faults"]} == set(theirs)


def test_it_keeps_its_promises_without_any_of_its_fast_paths(scratch: Path) -> None:
    without = [word for path in WITHOUT for word in ("--without", path)]
    faults = ("--faults", "kill,cut,slow-reader,drain", "--kills", "1")
    ended = drill(
        "--seed", "6", "--minutes", "0.4", "--clients", "10", "--pages", "2", *faults, *without, scratch=scratch
    )
    assert ended.status == 0, ended.complaints


@pytest.mark.mistake
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_that_was_put_in_is_found_by_the_checks_that_are_there_for_it(mistake: str, scratch: Path) -> None:
    must, may = MISTAKES[mistake]
    processes = "2" if mistake == "trusted-hint" else "1"
    for seed in SEEDS:  # whether a race is lost, chance has its part in
        ended = drill(
            *SHORT, "--seed", str(seed), "--processes", processes, "--faults", "none", "--bug", mistake, "--rest", "1",
            scratch=scratch,
        )  # fmt: skip
        if ended.broken:
            break
    assert ended.status == BROKEN
    assert must <= ended.broken <= must | may, ended.result["promises"]


def test_a_drill_that_failed_keeps_its_history_and_a_replay_says_the_same(scratch: Path) -> None:
    arguments = (*SHORT, "--seed", "4", "--faults", "none", "--bug", "doubled-event", "--rest", "1")
    ended = drill(*arguments, scratch=scratch)
    (kept,) = scratch.glob("*/history.jsonl")
    assert str(kept) in ended.errors
    again = drill("--replay", str(kept), scratch=scratch)
    assert (again.status, again.result) == (BROKEN, ended.result)


def test_ctrl_c_ends_everything_that_was_started(scratch: Path) -> None:
    arguments = ("--minutes", "1", "--clients", "6", "--pages", "2", "--processes", "2", "--faults", "none")
    drilling = subprocess.Popen(
        command(*arguments, "--keep", str(scratch / "kept")), cwd=ROOT, env=environment(scratch)
    )
    record = scratch / "kept" / "drill.jsonl"
    until(lambda: record.exists() and '"talk"' in record.read_text(), within_s=60, what="The talk")
    children = psutil.Process(drilling.pid).children(recursive=True)
    try:
        assert len(children) >= 4  # two servers, the steward, the pages
        drilling.send_signal(signal.SIGINT)
        assert drilling.wait(30) == INTERRUPTED
        assert psutil.wait_procs(children, timeout=5)[1] == []
    finally:
        drilling.kill()
        for child in children:
            if child.is_running():
                child.kill()


# ---------------------------------------------------------------------- the drill's own alarms


async def nothing(scene: Scene, incident: Incident) -> None:
    incident.begin("nothing is done")


async def hold_up(scene: Scene, incident: Incident) -> None:
    incident.begin("the drill's own loop is held up")
    incident.bit("it was")
    time.sleep(0.2)  # noqa: ASYNC251  that is the fault


async def harm(scene: Scene, incident: Incident) -> None:
    incident.begin("something happens that must not")
    incident.bit("it did")
    raise LookupError("what must hold does not")


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch, scratch: Path) -> "type[Judged]":
    """Drills inside of this process, whose priority and memory stay as they are."""
    monkeypatch.setattr(running, "go_first", lambda: None)
    monkeypatch.setattr(running, "_collect_no_garbage", lambda: None)
    for inflict in (nothing, hold_up, harm):
        monkeypatch.setitem(FAULTS, inflict.__name__, Kind(inflict.__name__, inflict, Lane.PATHS, 1, 1))
    Judged.folder = scratch
    return Judged


class Judged:
    folder: Path

    @classmethod
    def by(cls, fault: str) -> Verdict:
        planned = Planned(0.2, fault, 1, 1)
        folder = cls.folder / fault
        folder.mkdir()
        return judge(read([asyncio.run(running.run(Drill(Setup(), 1, 2.0, 3, [planned]), folder, lambda _: None))]))


def test_a_fault_that_did_not_bite_fails_the_drill(judged: type[Judged]) -> None:
    verdict = judged.by("nothing")
    assert [fault.name for fault in verdict.toothless] == ["nothing"]
    assert verdict.status in (BROKEN, VOID)  # void where this machine was slow, too


def test_a_fault_that_does_harm_fails_the_drill(judged: type[Judged]) -> None:
    verdict = judged.by("harm")
    assert verdict.harmful == ["harm (0): LookupError: what must hold does not"]
    assert verdict.status in (BROKEN, VOID)


def test_a_drill_that_was_late_itself_is_void(judged: type[Judged]) -> None:
    verdict = judged.by("hold_up")
    assert verdict.status == VOID
    assert any("was late" in reason for reason in verdict.void)


# ---------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--faults", "earthquake"), "There is no fault 'earthquake'"),
        (("--faults", "redis-stopped"), "redis-stopped needs another installation than sqlite and memory"),
        (("--replay", "nowhere.jsonl"), "nowhere.jsonl can't be read as a history"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(arguments: tuple[str, ...], words: str, scratch: Path) -> None:
    done = subprocess.run(
        command(*arguments), cwd=ROOT, env=environment(scratch), capture_output=True, text=True, check=False
    )
    assert done.returncode == BROKEN
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert os.listdir(scratch) == []  # noqa: PTH208
