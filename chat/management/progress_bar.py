"""How far a long command is, for somebody who watches it on a terminal."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

REFRESHES_PER_S = 2

Say = Callable[[str], None]


@contextmanager
def show_progress(lasts_s: float) -> Iterator[Say]:
    """A bar on standard error that says what is going on; nothing where that is no terminal."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal, refresh_per_second=REFRESHES_PER_S
    ) as progress:
        bar = progress.add_task("", total=lasts_s)
        began = time.monotonic()

        def say(text: str) -> None:
            progress.update(bar, description=text, completed=time.monotonic() - began)

        yield say
