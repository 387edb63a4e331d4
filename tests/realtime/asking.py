"""GraphQL over HTTP, asked as no client should, and what every client may rely on in the answers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from realtime.strict_json import read_json

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
WHO = "{ viewer { username } }"


@dataclass(frozen=True, slots=True)
class Post:
    """`post(body)` posts the bytes as they stand, or anything else as JSON."""

    client: httpx.Client

    def __call__(
        self,
        body: object,
        *,
        content_type: str | bytes | None = JSON,
        accept: str | None = None,
        headers: Mapping[str, str | bytes] | None = None,
    ) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"Content-Type": content_type, "Accept": accept, **(headers or {})}
        named = [(name.encode(), _bytes(value)) for name, value in given.items() if value is not None]
        response = self.client.post("/graphql", content=content, headers=named)
        well_formed(response)
        return response


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin1")


def well_formed(response: httpx.Response) -> dict[str, Any]:
    """The answer's JSON, of which every client may rely on certain things."""
    media_type, _, charset = response.headers["Content-Type"].partition("; ")
    assert media_type in (JSON, GRAPHQL_JSON)
    assert charset == "charset=utf-8"
    assert "Traceback" not in response.text
    assert response.headers["Cache-Control"] == "no-store"
    answer: dict[str, Any] = read_json(response.content)
    assert answer.keys() <= {"data", "errors", "extensions"}
    for error in answer.get("errors", []):
        assert isinstance(error["message"], str)
        assert isinstance(error["extensions"]["code"], str)
    return answer


def extensions(response: httpx.Response) -> dict[str, Any]:
    """The extensions of an answer's one error."""
    [error] = response.json()["errors"]
    extensions: dict[str, Any] = error["extensions"]
    return extensions


def code(response: httpx.Response) -> str:
    return str(extensions(response)["code"])
