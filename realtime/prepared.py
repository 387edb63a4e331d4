"""Queries whose SQL is made once in each thread, for the few on the path of a send or of a delivery.

Django makes the SQL of a query anew each time, which costs several times as much as running it: 0.7 of 0.9 ms of CPU to
find the owner of an API token. Rows are made by Django's own iterables, so they are what they always are.

It uses internals of Django's query compiler; `tests/realtime/test_prepared.py` pins what it relies on.
"""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, Generic, TypeVar

from django.db import connections
from django.db.models import AutoField, BigAutoField, Expression, Field, Model, QuerySet

Row = TypeVar("Row")

_UNNESTED = {
    "sqlite": "(SELECT value FROM json_each(%s))",
    "postgresql": "(SELECT value::{type} FROM json_array_elements_text(%s::json))",
}


class Parameter(Expression):
    """Where a value goes that is given by this name, stored as in a field of this kind."""

    def __init__(self, name: str, field: "Field[Any, Any]") -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        return "%s", (self,)

    def stored(self, value: Any, connection: Any) -> Any:
        """The value as the driver takes it."""
        return self.output_field.get_db_prep_value(value, connection)


class Several(Parameter):
    """Where any number of values goes: they travel as one JSON array, so the SQL is the same for all numbers, and an
    `IN` over thousands costs a fraction of what it would with as many parameters."""

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        return _UNNESTED[connection.vendor].format(type=self.output_field.db_type(connection)), (self,)

    def stored(self, value: Any, connection: Any) -> Any:
        prepared = [super(Several, self).stored(each, connection) for each in value]
        return json.dumps(prepared, default=str)


class Prepared(Generic[Row]):
    """A query with parameters.

    Args:
        make: the query; called once in each thread.
    """

    def __init__(self, make: Callable[[], "QuerySet[Any, Row]"]) -> None:
        self._make = make
        self._local = threading.local()

    def __call__(self, **values: Any) -> list[Row]:
        """Run it with these values."""
        connection = connections["default"]
        made: _Made[Row] | None = getattr(self._local, "made", None)
        if made is None or made.connection is not connection:
            made = self._local.made = _Made(self._make(), connection)
        return list(made.rows(values))

    def first(self, **values: Any) -> Row | None:
        """The first row, where there is one."""
        rows = self(**values)
        return rows[0] if rows else None


def insert_all(objects: Sequence[Model]) -> None:
    """Insert new rows of one model, as `bulk_create` does, with SQL that is the same for any number of them.

    Raises:
        IntegrityError: one of them breaks a constraint; in a transaction, none may be kept.
    """
    if not objects:
        return
    connection = connections["default"]
    fields, statement = _insertion(type(objects[0]))
    rows = [[field.get_db_prep_save(getattr(each, field.attname), connection) for field in fields] for each in objects]
    with connection.cursor() as cursor:
        cursor.executemany(statement, rows)
    for each in objects:
        each._state.adding, each._state.db = False, connection.alias


@cache
def _insertion(model: type[Model]) -> "tuple[list[Field[Any, Any]], str]":
    """The fields that are given, and the statement. The database gives the other ones' values."""
    fields = [field for field in model._meta.concrete_fields if not isinstance(field, AutoField | BigAutoField)]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    places = ", ".join(["%s"] * len(fields))
    return fields, f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES ({places})'  # noqa: S608  (names alone)


class _Made(Generic[Row]):
    """For one thread and its connection."""

    def __init__(self, query: Any, connection: Any) -> None:
        self.connection = connection
        self._values: dict[str, Any] = {}
        compiler = query.query.get_compiler(connection=connection)
        self._sql, self._parameters = compiler.as_sql()
        compiler.as_sql = self._as_sql
        query.query.get_compiler = lambda *_, **__: compiler
        self._rows = query._iterable_class(query)

    def rows(self, values: dict[str, Any]) -> Iterator[Row]:
        self._values = values
        return iter(self._rows)

    def _as_sql(self, *_: Any, **__: Any) -> tuple[str, tuple[Any, ...]]:
        return self._sql, tuple(
            each.stored(self._values[each.name], self.connection) if isinstance(each, Parameter) else each
            for each in self._parameters
        )
