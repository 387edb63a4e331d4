"""Static files over the wire: named by their content, compressed beforehand, kept by browsers for a year."""

import gzip
import json
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import brotli
import httpx
import pytest

from chat.drill.parts import server as server_part
from chat.drill.parts.databases import SqliteDatabases
from chat.drill.parts.ports import LOOPBACK
from chat.drill.parts.server import Server
from tests.conftest import failing_with_the_reason

FOR_A_YEAR = "max-age=31536000, public, immutable"
PRODUCTION = {"DEBUG": "0", "HTTPS": "0", "ALLOWED_HOSTS": LOOPBACK, "SECRET_KEY": secrets.token_urlsafe(64)}
IMPORTED = re.compile(r"""(?:from|import)\s*\(?\s*["'](\.{1,2}/[^"']+)["']""")
DECODERS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.decompress, "br": brotli.decompress}


@dataclass(frozen=True, slots=True)
class Installation:
    """A server with what `collectstatic` made for it."""

    server: Server
    root: Path

    def names(self) -> dict[str, str]:
        """The hashed name of each file."""
        paths: dict[str, str] = json.loads((self.root / "staticfiles.json").read_text())["paths"]
        return paths

    def get(self, name: str, encoding: str, **headers: str) -> tuple[httpx.Response, bytes]:
        """The answer for a file, and its bytes as they came."""
        sent = {"Accept-Encoding": encoding} | headers
        with httpx.stream("GET", f"{self.server.url}/static/{name}", headers=sent) as response:
            return response, b"".join(response.iter_raw())

    def page_files(self) -> set[str]:
        """The scripts and the style of a room's page, with all that the scripts import, now or later."""
        named = self.names()
        found: set[str] = set()
        waiting = [named["room.js"], named["site.js"]]
        while waiting:
            name = waiting.pop()
            if name in found:
                continue
            found.add(name)
            for imported in IMPORTED.findall((self.root / name).read_text()):
                path = (self.root / name).parent / imported
                waiting.append(str(path.resolve().relative_to(self.root)))
        return found | {named["todoku.css"]}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("static").resolve()


@pytest.fixture(scope="module", params=["production", "trial"])
def installation(
    request: pytest.FixtureRequest,
    root: Path,
    tmp_path_factory: pytest.TempPathFactory,
    sqlite_databases: SqliteDatabases,
) -> Iterator[Installation]:
    """One with settings of its own, and one as `make run` starts it; both serve the files that the first collected."""
    folder = tmp_path_factory.mktemp(request.param)
    with ExitStack() as running, failing_with_the_reason():
        server = server_part.prepare(
            folder, database_url=sqlite_databases.create(), STATIC_ROOT=str(root), **PRODUCTION
        )
        if request.param == "trial":
            for name in (*PRODUCTION, "DATABASE_URL"):
                del server.env[name]
            server.manage("migrate", "--verbosity", "0")
        if not (root / "staticfiles.json").exists():
            server.manage("collectstatic", "--no-input", "--verbosity", "0")
        running.callback(server.kill)
        server.start()
        yield Installation(server, root)


def test_pages_name_their_files_by_content(installation: Installation) -> None:
    page = httpx.get(f"{installation.server.url}/accounts/login/").text
    linked = set(re.findall(r'(?:href|src|content)="/static/([^"#]+)', page))
    assert linked
    assert linked <= set(installation.names().values())


@pytest.mark.parametrize("encoding", ["gzip", "br"])
def test_what_a_page_loads_is_kept_for_a_year_and_was_compressed_before(
    installation: Installation, encoding: str
) -> None:
    files = installation.page_files()
    assert any(name.startswith("chunks/") for name in files)
    for name in sorted(files):
        response, compressed = installation.get(name, encoding)
        assert response.status_code == 200, name
        assert response.headers["Cache-Control"] == FOR_A_YEAR, name
        assert response.headers["Vary"] == "Accept-Encoding", name
        assert response.headers["Last-Modified"], name
        suffix = {"gzip": ".gz", "br": ".br"}[encoding]
        stored = installation.root / f"{name}{suffix}"
        # What compression makes larger has no compressed copy.
        if not stored.exists():
            assert (installation.root / name).stat().st_size < 1000, name
            continue
        assert response.headers["Content-Encoding"] == encoding, name
        assert compressed == stored.read_bytes(), name
        assert DECODERS[encoding](compressed) == (installation.root / name).read_bytes(), name


def test_who_takes_no_compression_gets_the_file_as_it_is(installation: Installation) -> None:
    name = installation.names()["room.js"]
    response, content = installation.get(name, "identity")
    assert "Content-Encoding" not in response.headers
    assert content == (installation.root / name).read_bytes()


def test_a_file_that_is_known_is_not_sent_again(installation: Installation) -> None:
    name = installation.names()["room.js"]
    first, _ = installation.get(name, "br")
    again, content = installation.get(name, "br", **{"If-Modified-Since": first.headers["Last-Modified"]})
    assert (again.status_code, content) == (304, b"")


def test_a_name_that_tells_nothing_of_the_content_is_asked_for_again(installation: Installation) -> None:
    response, _ = installation.get("room.js", "br")
    assert response.status_code == 200
    assert "immutable" not in response.headers["Cache-Control"]
