"""Spans of time, from a first moment to a last."""

from bisect import bisect_right
from collections.abc import Iterable

Span = tuple[float, float]


def joined(spans: Iterable[Span]) -> list[Span]:
    """The spans in order, those that overlap made one."""
    found: list[Span] = []
    for first, last in sorted(spans):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


def overlaps(spans: list[Span], since: float, until: float) -> bool:
    """Whether one of the spans, which were joined, has a moment in common with this one."""
    index = bisect_right(spans, until, key=lambda span: span[0]) - 1
    return index >= 0 and spans[index][1] >= since


def without(span: Span, holes: list[Span]) -> list[Span]:
    """What is left of a span; the holes were joined."""
    left = []
    since, until = span
    for first, last in holes:
        if last < since:
            continue
        if first > until:
            break
        if first > since:
            left.append((since, first))
        since = last
    if since < until:
        left.append((since, until))
    return left
