"""A volume without room: what can't be stored is told to come again, all else goes on, and the file stays whole."""

import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

from chat.drill.clients.answer import Answer
from chat.drill.hooks.points import DISK_FULL
from chat.drill.orders import Orders
from chat.drill.parts.databases import SqliteDatabases
from chat.drill.parts.server import Server
from tests.faults.following import ask, comes_again, following, new_room, sending
from tests.faults.site import drilled
from tests.realtime.arranging import arrange

VOLUME_BYTES = 8 * 1024 * 1024
CHUNK_BYTES = 4096
TEXT = "x" * 9_000  # more than SQLite finds in pages that it has already


class SmallVolume:
    """A real one, in memory."""

    def __init__(self, folder: Path) -> None:
        """Mount it.

        Raises:
            CalledProcessError, FileNotFoundError: that is not allowed here.
        """
        size = f"size={VOLUME_BYTES}"
        subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", folder], check=True, capture_output=True)
        self._folder = folder

    def unmount(self) -> None:
        subprocess.run(["umount", "--lazy", self._folder], check=True)

    @contextmanager
    def full(self, server: Server) -> Iterator[None]:
        """Nothing more can be written."""
        filler = self._folder / "filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while file.write(b"\1" * CHUNK_BYTES):
                    pass
            except OSError:
                pass
        yield
        filler.unlink()


@contextmanager
def injected(server: Server) -> Iterator[None]:
    """The driver's error instead, where nothing can be mounted."""
    orders = Orders(server.folder)
    orders.give(DISK_FULL)
    yield
    assert orders.reports(DISK_FULL)
    orders.withdraw(DISK_FULL)


async def test_on_a_full_disk_nothing_is_stored_and_nothing_is_harmed(
    sqlite_databases: SqliteDatabases, tmp_path: Path
) -> None:
    volume_folder = tmp_path / "volume"
    volume_folder.mkdir()
    with ExitStack() as undo:
        volume: SmallVolume | None = None
        with suppress(subprocess.CalledProcessError, FileNotFoundError):
            volume = SmallVolume(volume_folder)
            undo.callback(volume.unmount)
        file = volume_folder / "todoku.sqlite3"
        shutil.copyfile(sqlite_databases.create().removeprefix("sqlite:///"), file)
        server = drilled(tmp_path / "server", 0, database_url=f"sqlite:///{file}", channel_layer_url="memory://")
        undo.callback(server.kill)
        server.start()
        full: AbstractContextManager[None] = injected(server) if volume is None else volume.full(server)
        await _talk(server, full)
        connection = sqlite3.connect(file)
        undo.callback(connection.close)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def _talk(server: Server, full: AbstractContextManager[None]) -> None:
    aiko, ben = arrange(server, "aiko", "ben").people
    room = await new_room(server.url, aiko, ben)
    async with following(server.url, aiko, room) as follower, sending(server.url, ben, room) as sender:
        first = await sender.send("there is room")
        await follower.until_seq(first)
        stored: list[Answer] = []
        with full:
            while not comes_again(answer := await sender.try_once(TEXT, f"00000000-0000-4000-8000-{len(stored):012}")):
                stored.append(answer)
                assert len(stored) < VOLUME_BYTES / len(TEXT)
            last = first + len(stored)
            read = await ask(server.url, ben, "query($r: ID!) { room(id: $r) { lastSeq } }", r=room)
            assert read["room"]["lastSeq"] == last
            async with following(server.url, ben, room, after=follower.cursor) as another:
                await follower.until_seq(last)
                assert (another.resets, another.connections) == ([], 1)
        again = await sender.send("there is room again", f"00000000-0000-4000-8000-{len(stored):012}")
        assert again == last + 1
        await follower.until_seq(again)
        assert follower.seqs == list(range(first, again + 1))
        assert (follower.connections, follower.resets) == (1, [])
