"""The real parts that other tests stand on."""

import http.server
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest
from django.db import connection, connections, transaction

from chat.drill.parts.postgres import Postgres
from chat.drill.parts.redis import Redis
from tests.conftest import OpenPage
from tests.parts.proxy import Proxy


def test_postgres_answers(postgres: Postgres) -> None:
    with psycopg.connect(postgres.url) as session:
        assert session.execute("SELECT 1").fetchone() == (1,)


def test_a_restarted_postgres_has_kept_what_was_committed(own_postgres: Postgres) -> None:
    name = own_postgres.create_database()
    with psycopg.connect(own_postgres.url_of(name)) as session:
        session.execute("CREATE TABLE kept AS SELECT 1")
        session.commit()
        own_postgres.restart()
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")
    with psycopg.connect(own_postgres.url_of(name)) as session:
        assert session.execute("SELECT * FROM kept").fetchone() == (1,)
    own_postgres.drop_database(name)


def test_a_stopped_redis_comes_back_on_the_same_port(redis: Redis) -> None:
    redis.stop()
    assert not redis.answers()
    redis.start()
    assert redis.answers()


def test_eight_threads_write_at_once_to_either_database(database: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE counted (id INTEGER)")
        cursor.execute("INSERT INTO counted VALUES (0)")

    def count(_: int) -> None:
        try:
            for _ in range(10):
                with transaction.atomic(), connection.cursor() as cursor:
                    cursor.execute("UPDATE counted SET id = id + 1")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(8)))
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM counted")
        assert cursor.fetchone() == (80,)


@pytest.fixture
def echo_port() -> Iterator[int]:
    """A web server that answers every GET with `here`."""

    class Here(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"here")

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Here) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture
def proxy(echo_port: int) -> Iterator[Proxy]:
    proxy = Proxy(echo_port)
    yield proxy
    proxy.close()


def test_a_proxy_cuts_and_restores_the_network(proxy: Proxy) -> None:
    with httpx.Client(base_url=proxy.url, timeout=5) as client:
        assert client.get("/").text == "here"
        assert proxy.connections == 1
        proxy.cut()
        with pytest.raises(httpx.TransportError):
            client.get("/")
        with pytest.raises(httpx.ConnectError):
            client.get("/")
        proxy.restore()
        assert client.get("/").text == "here"


def test_a_stalled_network_says_nothing_at_all(proxy: Proxy) -> None:
    with httpx.Client(base_url=proxy.url, timeout=0.3) as client:
        assert client.get("/").text == "here"
        proxy.stall()
        with pytest.raises(httpx.ReadTimeout):
            client.get("/")
        proxy.restore()
        assert client.get("/").text == "here"


def test_lost_answers_leave_requests_through(proxy: Proxy) -> None:
    with httpx.Client(base_url=proxy.url, timeout=0.3) as client:
        proxy.lose_answers()
        with pytest.raises(httpx.ReadTimeout):
            client.get("/")
        proxy.restore()
        assert client.get("/").text == "here"


def test_chromium_shows_japanese_and_latin_letters(open_page: OpenPage, echo_port: int) -> None:
    page = open_page(f"http://127.0.0.1:{echo_port}/")
    assert page.text_content("body") == "here"
    # A letter without a font is drawn as the same box as any other letter without one.
    page.set_content("<span>届</span> <span>く</span> <span>\U000fffff</span>")
    pictures = {letter.screenshot() for letter in page.locator("span").all()}
    assert len(pictures) == 3
