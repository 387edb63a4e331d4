"""What all broadcasts of a process keep for those who come back: within one bound, and the latest used stays."""

from collections import OrderedDict
from typing import Protocol

from django.conf import settings


class Keeper(Protocol):
    def forget(self) -> None:
        """Let go of all that it keeps, and say so."""
        ...


class Recent:
    """Counts the bytes that are kept. Beyond the bound those lose theirs who have added to it longest ago."""

    def __init__(self) -> None:
        self.bytes = 0
        self._kept: OrderedDict[Keeper, int] = OrderedDict()

    def keep(self, keeper: Keeper, size: int) -> None:
        """`keeper` has added something, and now keeps `size` bytes."""
        self.release(keeper)
        self._kept[keeper] = size
        self.bytes += size
        while self.bytes > settings.REALTIME_RECENT_BYTES:
            next(iter(self._kept)).forget()

    def release(self, keeper: Keeper) -> None:
        """`keeper` keeps nothing."""
        self.bytes -= self._kept.pop(keeper, 0)
