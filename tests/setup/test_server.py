"""A server process as operators run it."""

import socket
import struct
from contextlib import ExitStack
from signal import SIGCONT, SIGSTOP

import httpx
import psutil
import pytest

from chat.drill.parts.databases import PostgresDatabases
from chat.drill.parts.ports import LOOPBACK
from chat.drill.parts.redis import Redis
from chat.drill.parts.server import Server
from chat.drill.parts.waiting import until
from tests.conftest import StartServer

POLICY = {
    "default-src 'self'",
    "img-src 'self' data:",
    "object-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
}


@pytest.mark.parametrize("path", ["/accounts/login/", "/admin/login/", "/"])
def test_every_page_runs_no_script_but_the_servers_own(server: Server, path: str) -> None:
    headers = httpx.get(server.url + path).headers
    assert set(headers["Content-Security-Policy"].split("; ")) == POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("name", ["room.js", "site.js", "todoku.css", "admin/css/base.css"])
def test_static_files_are_served_where_they_were_built(server: Server, name: str) -> None:
    assert httpx.get(f"{server.url}/static/{name}").status_code == 200


def test_a_killed_server_comes_back_on_its_port(start_server: StartServer) -> None:
    server = start_server()
    before = server.pid, server.url
    server.kill()
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.url)
    server.start()
    assert server.pid != before[0]
    assert server.url == before[1]
    assert httpx.get(f"{server.url}/accounts/login/").status_code == 200


def test_two_servers_serve_one_installation(
    start_server: StartServer, postgres_databases: PostgresDatabases, redis: Redis
) -> None:
    url = postgres_databases.create()
    first = start_server(database_url=url, channel_layer_url=redis.url)
    second = start_server(database_url=url, channel_layer_url=redis.url)
    first.python("from chat.models import User; User.objects.create_user('aiko')")
    assert second.python("from chat.models import User; print(User.objects.get().username)").strip() == "aiko"
    assert {httpx.get(f"{server.url}/accounts/login/").status_code for server in (first, second)} == {200}


def test_a_stopped_server_ends_by_itself(start_server: StartServer) -> None:
    start_server().stop()


RESET = struct.pack("ii", 1, 0)  # what lingers, and for how long: a close is a reset
CONNECTIONS = 50


def peers_of(process: psutil.Process) -> set[int]:
    """The ports from which somebody is connected."""
    return {each.raddr.port for each in process.net_connections("tcp") if each.status != psutil.CONN_LISTEN}


def test_connections_that_are_reset_before_they_are_read_leave_nothing_open(start_server: StartServer) -> None:
    server = start_server()
    process = psutil.Process(server.pid)
    files = process.num_fds()
    with ExitStack() as stack:
        peers = [stack.enter_context(socket.create_connection((LOOPBACK, server.port))) for _ in range(CONNECTIONS)]
        ports = {peer.getsockname()[1] for peer in peers}
        until(lambda: ports <= peers_of(process), within_s=5, what="The connections")
        process.send_signal(SIGSTOP)
        for peer in peers:
            peer.sendall(b"GET /")
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            peer.close()
        process.send_signal(SIGCONT)
        until(lambda: process.num_fds() <= files, within_s=5, what="The end of all connections")
