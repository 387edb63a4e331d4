"""How many distinct operations one person listens with: each costs an execution per event, and is kept as long."""

from collections import Counter
from collections.abc import Hashable, Iterator

from django.conf import settings

from realtime.errors import RateLimited
from realtime.payloads import Request


class Allowance:
    """Counts for each person what differs: the documents in all, and the operations on each stream.

    The same document on many streams is one document, and one operation on each of them.
    """

    def __init__(self) -> None:
        self._held: dict[Hashable, Counter[Hashable]] = {}

    def __len__(self) -> int:
        return len(self._held)

    def take(self, request: Request, stream_id: int) -> None:
        """Count one more subscription.

        Raises:
            RateLimited: its person listens with too many others already.
        """
        limit = settings.REALTIME_MAX_DISTINCT_OPERATIONS
        for holder, what in _counted(request, stream_id):
            held = self._held.get(holder, Counter())
            if what not in held and len(held) >= limit:
                raise RateLimited(
                    f"at most {limit} distinct subscriptions of one person, and {limit} of these to one stream "
                    "(REALTIME_MAX_DISTINCT_OPERATIONS): ids belong into variables",
                    reason="TOO_MANY_DISTINCT_OPERATIONS",
                )
        for holder, what in _counted(request, stream_id):
            self._held.setdefault(holder, Counter())[what] += 1

    def give_back(self, request: Request, stream_id: int) -> None:
        """One of those that were counted has ended."""
        for holder, what in _counted(request, stream_id):
            held = self._held[holder]
            held[what] -= 1
            if not held[what]:
                del held[what]
            if not held:
                del self._held[holder]


def _counted(request: Request, stream_id: int) -> Iterator[tuple[Hashable, Hashable]]:
    person_id = request.viewer.pk
    yield person_id, (request.operation.text, request.operation.name)
    yield (person_id, stream_id), request.key
