"""Questions that are asked until they are answered."""

import asyncio
from random import Random
from typing import Protocol

from chat.drill.clients.answer import Answer, Data, Json, Later, Refused, SignedOut
from chat.drill.clients.settings import Settings


class Endpoint(Protocol):
    """Where queries are answered."""

    async def execute(self, query: str, variables: Json) -> Answer: ...


class SignedOutError(Exception):
    """The token lets nobody in any more."""


class RefusedError(Exception):
    """The server understood a query, and won't answer it."""


class Asking:
    """Asks one endpoint."""

    def __init__(self, endpoint: Endpoint, *, settings: Settings, random: Random) -> None:
        self._endpoint = endpoint
        self._settings = settings
        self._random = random

    async def fetch(self, query: str, variables: Json) -> Json:
        """The data that answers a query, however often it takes.

        Raises:
            SignedOutError: there is nobody to answer.
            RefusedError: the query is wrong.
        """
        attempt = 0
        while True:
            match await self._endpoint.execute(query, variables):
                case Data(data):
                    return data
                case SignedOut():
                    raise SignedOutError
                case Refused(code):
                    raise RefusedError(f"{code} to {query.split('(')[0].strip()} {variables}")
                case Later(retry_after=retry_after):
                    await asyncio.sleep((retry_after or 0.0) + self._settings.retrying.delay(attempt, self._random))
            attempt += 1
