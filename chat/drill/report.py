"""What a drill did and found, as a table for people and as JSON for machines."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from chat.drill.checks.excuses import Incident, incidents
from chat.drill.checks.in_time import deliveries
from chat.drill.checks.lives import finish_of, lives
from chat.drill.checks.operations import Operation, operations
from chat.drill.checks.outcome import Outcome
from chat.drill.history import Applied, Committed, History, Reset, Restored, Room, Run, ShutOut
from chat.drill.verdict import Verdict

SHOWN_FAILURES = 3
SHOWN_BITES = 2


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    name: str
    count: int
    words: str


@dataclass(frozen=True, slots=True)
class Latency:
    """How long deliveries took, in seconds."""

    count: int
    p50: float
    p99: float
    max: float


def print_report(history: History, verdict: Verdict, console: Console) -> None:
    """Print the one table of the drill."""
    table = Table(title=_title(history), title_justify="left", caption_justify="left", expand=False)
    table.add_column("", no_wrap=True)
    table.add_column("count", justify="right", no_wrap=True)
    table.add_column("what was seen", overflow="fold")
    _section(table, "done", _done(history))
    _section(table, "faults", _faults(history))
    _section(table, "promises", [_promise(outcome) for outcome in verdict.outcomes])
    _section(table, "delivery", [Row(name, each.count, _words(each)) for name, each in _latencies(history).items()])
    console.print(table)
    for reason in verdict.reasons:
        console.print(escape(_brief(reason)))
    if verdict.not_shown:
        console.print("Not shown: " + ", ".join(outcome.name for outcome in verdict.not_shown) + ".")
    style = "green" if verdict.status == 0 else "bold red"
    console.print(f"[{style}]{escape(verdict.sentence)}[/]")


def _brief(reason: str) -> str:
    """The first line: a server that did not start says its whole log, which the JSON has."""
    first, *more = reason.splitlines()
    return f"{first} …" if more else first


def as_json(history: History, verdict: Verdict) -> dict[str, Any]:
    """The same for machines, with every failure; times in seconds."""
    return {
        "status": verdict.status,
        "verdict": verdict.sentence,
        "reasons": verdict.reasons,
        "run": [{"seed": run.seed, "database": run.database, "layer": run.layer, "processes": run.processes,
                 "plan": run.plan} for run in history.of(Run)[:1]],
        "seconds": _seconds(history),
        "done": [{"name": row.name, "count": row.count, "detail": row.words} for row in _done(history)],
        "faults": [
            {"name": name, "times": len(each), "bites": [bite for fault in each for bite in fault.bites],
             "toothless": sum(not fault.bites for fault in each)}
            for name, each in _by_name(history).items()
        ],
        "promises": [
            {"name": each.name, "sentence": each.sentence, "checked": each.checked, "holds": each.holds,
             "shown": each.shown, "failures": each.failures, "notes": each.notes}
            for each in verdict.outcomes
        ],
        "delivery": {
            name: {"count": each.count, "p50": each.p50, "p99": each.p99, "max": each.max}
            for name, each in _latencies(history).items()
        },
    }  # fmt: skip


# ---------------------------------------------------------------------- what was done


def _title(history: History) -> str:
    run = next(iter(history.of(Run)), None)
    if run is None:
        return "Drill"
    processes = f"{run.processes} process{'es' if run.processes > 1 else ''}"
    return f"Drill with seed {run.seed}: {run.database}, {run.layer}, {processes}, {_seconds(history):.0f} s"


def _seconds(history: History) -> float:
    return finish_of(history) - history.records[0].t if history.records else 0.0


def _done(history: History) -> list[Row]:
    flavours = Counter(life.opened.flavour for life in lives(history).values())
    people = {life.person for life in lives(history).values()}
    rooms = Counter(room.visibility.lower() for room in history.of(Room))
    rows = [
        Row("rooms", sum(rooms.values()), _counts(rooms)),
        Row("clients", sum(flavours.values()), f"{_counts(flavours)}; of {len(people)} people"),
        Row("sockets", sum(len(life.links) for life in lives(history).values()), "acknowledged"),
    ]
    by_verb: dict[str, list[Operation]] = defaultdict(list)
    for operation in operations(history):
        by_verb[operation.called.verb].append(operation)
    rows += [Row(verb, len(each), _fates(each)) for verb, each in by_verb.items()]
    commits = history.of(Committed)
    servers = Counter(f"server {commit.server}" for commit in commits)
    applied = Counter(record.event for record in history.of(Applied))
    resets = Counter(record.reason for record in history.of(Reset))
    rows.append(Row("commits", len(commits), _counts(servers)))
    rows.append(Row("applied", sum(applied.values()), _counts(applied)))
    if resets:
        rows.append(Row("resets", sum(resets.values()), _counts(resets)))
    if backups := history.of(Restored):
        rows.append(Row("restores", len(backups), "an older backup under running clients"))
    if shut_out := Counter(record.how for record in history.of(ShutOut)):
        rows.append(Row("shut out", sum(shut_out.values()), _counts(shut_out)))
    return rows


def _fates(operations: list[Operation]) -> str:
    fates = Counter(
        "stored" if each.stored else "refused" if each.refused else "not answered" if each.tried else "not tried"
        for each in operations
    )
    tries = sum(len(each.tried) for each in operations)
    return f"{_counts(fates)}; {tries} tries"


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counter.most_common())


# ---------------------------------------------------------------------- faults and promises


def _by_name(history: History) -> dict[str, list[Incident]]:
    found: dict[str, list[Incident]] = defaultdict(list)
    for fault in incidents(history):
        found[fault.name].append(fault)
    return found


def _faults(history: History) -> list[Row]:
    return [Row(name, len(faults), _bites(faults)) for name, faults in _by_name(history).items()]


def _bites(faults: list[Incident]) -> str:
    without = sum(not fault.bites for fault in faults)
    bites = list(dict.fromkeys(bite for fault in faults for bite in fault.bites))
    lines = [escape(bite) for bite in bites[:SHOWN_BITES]]
    if len(bites) > SHOWN_BITES:
        lines.append(f"… and {len(bites) - SHOWN_BITES} more")
    if without:
        lines.insert(0, f"[red]{without} did not bite[/]")
    return "\n".join(lines)


def _promise(outcome: Outcome) -> Row:
    if outcome.failures:
        lines = [f"[bold red]broken {len(outcome.failures)} times[/]"]
        lines += [escape(failure) for failure in outcome.failures[:SHOWN_FAILURES]]
        if len(outcome.failures) > SHOWN_FAILURES:
            lines.append(f"… and {len(outcome.failures) - SHOWN_FAILURES} more")
    else:
        lines = ["[green]holds[/]" if outcome.shown else "[yellow]not shown[/]"]
    return Row(outcome.name, outcome.checked, "\n".join([*lines, *(escape(note) for note in outcome.notes[:2])]))


# ---------------------------------------------------------------------- latencies


def _latencies(history: History) -> dict[str, Latency]:
    found = deliveries(history)
    return {"quiet": latency(found.quiet), "with faults": latency(found.troubled)}


def latency(seconds: Iterable[float]) -> Latency:
    """Percentiles by nearest rank; all 0 where there was nothing."""
    rising = sorted(seconds)
    return Latency(len(rising), _percentile(rising, 50), _percentile(rising, 99), rising[-1] if rising else 0.0)


def _percentile(rising: Sequence[float], percent: int) -> float:
    return rising[ceil(len(rising) * percent / 100) - 1] if rising else 0.0


def _words(each: Latency) -> str:
    if not each.count:
        return "[yellow]none[/]"
    return f"p50 {each.p50 * 1000:.0f} ms, p99 {each.p99 * 1000:.0f} ms, max {each.max * 1000:.0f} ms"


def _section(table: Table, name: str, rows: list[Row]) -> None:
    table.add_row(f"[bold]{name}[/]", "", "")
    for row in rows:
        table.add_row(f"  {escape(row.name)}", f"{row.count:,}", row.words)
    if not rows:
        table.add_row("", "0", "[yellow]none[/]")
    table.add_section()
