"""GraphQL over HTTP, in the name of one person."""

import ssl
from collections.abc import Mapping

import httpx

from chat.drill.clients.answer import Answer, Json, Later, SignedOut, answer_in

# Shared, and trusting nobody: the drill's servers speak plain HTTP, and loading the system's certificates for each
# client would hold up the one loop for 20 ms.
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_ACCEPT = "application/graphql-response+json, application/json"


class Endpoint:
    """One address."""

    def __init__(self, url: str, token: str, *, timeout_s: float) -> None:
        """`url`: of the server, without the path."""
        self._url = f"{url}/graphql"
        headers = {"Authorization": f"Bearer {token}", "Accept": _ACCEPT}
        self._http = httpx.AsyncClient(headers=headers, timeout=timeout_s, verify=_NO_TLS, trust_env=False)

    async def execute(self, query: str, variables: Json) -> Answer:
        """One try; never raises but when cancelled."""
        try:
            response = await self._http.post(self._url, json={"query": query, "variables": variables})
        except httpx.HTTPError as error:
            return Later(type(error).__name__)
        return _read(response)

    async def close(self) -> None:
        await self._http.aclose()


def _read(response: httpx.Response) -> Answer:
    retry_after = _retry_after(response.headers)
    if response.status_code == httpx.codes.UNAUTHORIZED:
        return SignedOut()
    if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR or "json" not in response.headers.get(
        "content-type", ""
    ):
        return Later(f"HTTP {response.status_code}", retry_after)
    try:
        answer = answer_in(response.json())
    except ValueError:
        return Later("no JSON", retry_after)
    if isinstance(answer, Later) and answer.retry_after is None:
        return Later(answer.cause, retry_after)
    return answer


def _retry_after(headers: Mapping[str, str]) -> float | None:
    given = headers.get("retry-after", "")
    return float(given) if given.isdigit() else None
