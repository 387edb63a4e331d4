"""The README's production example, started."""

import re
from pathlib import Path

import httpx

from chat.drill.parts.databases import PostgresDatabases
from chat.drill.parts.redis import Redis
from tests.conftest import StartServer
from tests.setup.test_settings import production_example

BEHIND_TLS = {"Host": "chat.example.org", "X-Forwarded-Proto": "https"}


def test_the_production_example_serves_pages_and_hashed_files(
    start_server: StartServer, postgres_databases: PostgresDatabases, redis: Redis, tmp_path: Path
) -> None:
    example = production_example()
    del example["DATABASE_URL"], example["CHANNEL_LAYER_URL"], example["CACHE_URL"]
    server = start_server(
        database_url=postgres_databases.create(),
        channel_layer_url=redis.url,
        CACHE_URL=redis.url.replace("redis:", "rediscache:"),
        STATIC_ROOT=str(tmp_path / "static"),
        DEBUG="0",
        **example,
    )
    server.manage("collectstatic", "--no-input", "--verbosity", "0")
    server.restart()
    with httpx.Client(base_url=server.url) as client:
        page = client.get("/accounts/login/", headers=BEHIND_TLS)
        assert page.status_code == 200
        assert "max-age=31536000" in page.headers["Strict-Transport-Security"]
        assert re.search(r"csrftoken=.*; Secure", page.headers["Set-Cookie"])

        style = re.search(r'href="(/static/todoku\.[0-9a-f]{12}\.css)"', page.text)
        assert style is not None
        file = client.get(style[1], headers=BEHIND_TLS | {"Accept-Encoding": "gzip"})
        assert file.status_code == 200
        assert "immutable" in file.headers["Cache-Control"]
        assert file.headers["Content-Encoding"] == "gzip"

        plain = client.get("/accounts/login/", headers={"Host": "chat.example.org"})
        assert (plain.status_code, plain.headers["Location"]) == (301, "https://chat.example.org/accounts/login/")
        assert client.get("/accounts/login/", headers=BEHIND_TLS | {"Host": "elsewhere.example"}).status_code == 400
