"""A full volume, where no small one can be mounted: the driver's error for whatever is written."""

import re
from collections.abc import Callable
from typing import Any

from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from chat.drill.hooks.points import DISK_FULL
from chat.drill.orders import Orders

WRITES = re.compile(r"\s*(INSERT|UPDATE|DELETE)", re.IGNORECASE)
WORDS = {"sqlite": "database or disk is full", "postgresql": "could not extend file: No space left on device"}


def install(orders: Orders) -> None:
    """Refuse every writing statement while the order `disk-full` stands."""

    def refuse(execute: Callable[..., Any], sql: str, parameters: Any, many: bool, context: dict[str, Any]) -> Any:
        if WRITES.match(sql) and orders.given(DISK_FULL):
            orders.report(DISK_FULL, f"refused: {sql.split('(')[0][:60].strip()}")
            raise OperationalError(WORDS[context["connection"].vendor])
        return execute(sql, parameters, many, context)

    def attend(connection: BaseDatabaseWrapper, **_: object) -> None:
        if refuse not in connection.execute_wrappers:
            connection.execute_wrappers.append(refuse)

    connection_created.connect(attend, weak=False)
