"""What a Chromium trace says of a stretch of time: who worked how long.

Work is CPU time, so what other processes take from the machine is not in it; long tasks are in time that passed.
"""

import bisect
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

CATEGORIES = [
    "blink.user_timing",
    "devtools.timeline",
    "disabled-by-default-devtools.timeline",
    "devtools.timeline.frame",
]

LONG_TASK_MS = 50
# What the renderer's main thread does, by the names that the trace has for it.
SCRIPT = {"FunctionCall", "EvaluateScript", "EventDispatch", "FireAnimationFrame", "TimerFire", "RunMicrotasks"}
LAYOUT = {"UpdateLayoutTree", "Layout", "HitTest", "IntersectionObserverController::computeIntersections"}
PAINT = {"PrePaint", "Paint", "Layerize", "Commit"}
COLLECTION = {"MinorGC", "MajorGC", "V8.GC_MC_BACKGROUND_MARKING"}


@dataclass(frozen=True, slots=True)
class Span:
    """Something that a thread did."""

    name: str
    begin_ms: float
    took_ms: float
    work_ms: float
    """Of that, on a processor."""

    @property
    def end_ms(self) -> float:
        return self.begin_ms + self.took_ms


@dataclass(frozen=True, slots=True)
class Frames:
    """A stretch of a trace."""

    seconds: float
    main: Sequence[float]
    """For each frame that the page's main thread was asked for, the milliseconds that it worked."""
    long_tasks: Sequence[float]
    parts: dict[str, float]
    """Milliseconds of work per second, by kind."""


def percentile(values: Iterable[float], percent: float) -> float:
    """The smallest value that so many percent of all reach at most; 0 of none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)] if ordered else 0.0


def read(trace: bytes, *, begin: str, end: str) -> Frames:
    """The stretch between two marks that the page made (`performance.mark`)."""
    events: list[dict[str, Any]] = json.loads(trace)["traceEvents"]
    page = next(event for event in events if event["name"] == begin)
    first = page["ts"] / 1000
    last = next(event for event in events if event["name"] == end)["ts"] / 1000
    threads = {
        (event["pid"], event["tid"]): event["args"]["name"] for event in events if event["name"] == "thread_name"
    }
    spans: dict[tuple[int, int], list[Span]] = defaultdict(list)
    for event in events:
        moment = event.get("ts", 0) / 1000
        if not first <= moment <= last:
            continue
        if event["ph"] == "X":
            spans[event["pid"], event["tid"]].append(
                Span(event["name"], moment, event.get("dur", 0) / 1000, event.get("tdur", event.get("dur", 0)) / 1000)
            )
    main = (page["pid"], page["tid"])
    seconds = (last - first) / 1000
    tasks = _outermost(spans[main])
    begins = sorted(span.begin_ms for span in spans[main] if span.name == "FireAnimationFrame")
    return Frames(
        seconds=seconds,
        main=_by_frame(tasks, begins),
        long_tasks=[task.took_ms for task in tasks if task.took_ms >= LONG_TASK_MS],
        parts={
            "main thread": sum(task.work_ms for task in tasks) / seconds,
            "  scripts": _took(spans[main], SCRIPT) / seconds,
            "  styles and layout": _took(spans[main], LAYOUT) / seconds,
            "  paint and commit": _took(spans[main], PAINT) / seconds,
            "  garbage collection": _took(spans[main], COLLECTION) / seconds,
            "raster": sum(_took(done, {"RasterTask"}) for (pid, _), done in spans.items() if pid == main[0]) / seconds,
            "compositor": _busy(spans, threads, "Compositor") / seconds,
            "drawing without a GPU": (_busy(spans, threads, "VizCompositorThread") + _busy(spans, threads, "CrGpuMain"))
            / seconds,
        },
    )


def _busy(spans: dict[tuple[int, int], list[Span]], threads: dict[tuple[int, int], str], name: str) -> float:
    return sum(
        sum(task.work_ms for task in _outermost(done)) for thread, done in spans.items() if threads.get(thread) == name
    )


def _took(spans: Iterable[Span], names: set[str]) -> float:
    """The work of things of these names, those inside one another once."""
    return sum(span.work_ms for span in _outermost([span for span in spans if span.name in names]))


def _outermost(spans: Iterable[Span]) -> list[Span]:
    """Those that lie in no other."""
    outermost: list[Span] = []
    for span in sorted(spans, key=lambda each: (each.begin_ms, -each.took_ms)):
        if not outermost or span.begin_ms >= outermost[-1].end_ms:
            outermost.append(span)
    return outermost


def _by_frame(tasks: Sequence[Span], begins: Sequence[float]) -> list[float]:
    """The work of the tasks from each frame's begin to the next one's."""
    frames = [0.0] * max(0, len(begins) - 1)
    for task in tasks:
        # A frame is drawn by the task in which it begins.
        frame = bisect.bisect_left(begins, task.end_ms) - 1
        if 0 <= frame < len(frames):
            frames[frame] += task.work_ms
    return frames
