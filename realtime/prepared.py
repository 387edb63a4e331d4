"""Queries whose SQL is made once in each thread, for the few on the path of a send or of a delivery.

Django makes the SQL of a query anew each time, which costs several times as much as running it: 0.7 of 0.9 ms of CPU to
find the owner of an API token. What a row needs (converters, the models beside it) is found out once too; models are
made by their own `from_db`, so they are what they always are.

It uses internals of Django's query compiler; `tests/realtime/test_prepared.py` pins what it relies on.
"""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Generic, TypeVar

from django.db import connections
from django.db.models import AutoField, BigAutoField, Expression, Field, Model, QuerySet
from django.db.models.query import FlatValuesListIterable, ModelIterable, ValuesListIterable, get_related_populators
from django.db.models.sql import UpdateQuery

Row = TypeVar("Row")

_populators: Any = get_related_populators  # its types are those of a later Django
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


Made = TypeVar("Made", bound="_Statement")


class _InEachThread(Generic[Made]):
    """What is compiled once in each thread, anew where its connection is another one."""

    def __init__(self, compiled: Callable[[Any], Made]) -> None:
        self._compiled = compiled
        self._local = threading.local()

    def _made(self, connection: Any) -> Made:
        made: Made | None = getattr(self._local, "made", None)
        if made is None or made.connection is not connection:
            made = self._local.made = self._compiled(connection)
        return made


class Prepared(_InEachThread["_Selection[Row]"], Generic[Row]):
    """A query with parameters, for models or for `values_list`.

    Args:
        make: the query; called once in each thread.
    """

    def __init__(self, make: Callable[[], "QuerySet[Any, Row]"]) -> None:
        super().__init__(lambda connection: _Selection(make(), connection))

    def __call__(self, **values: Any) -> list[Row]:
        """Run it with these values."""
        return self._made(connections["default"]).rows(values)

    def first(self, **values: Any) -> Row | None:
        """The first row, where there is one."""
        rows = self(**values)
        return rows[0] if rows else None


class PreparedUpdate(_InEachThread["_Statement"]):
    """An update with parameters, of columns of one table.

    Args:
        make: the rows that it changes; called once in each thread.
        columns: what it sets them to, parameters or constants.
    """

    def __init__(self, make: Callable[[], "QuerySet[Any]"], **columns: Any) -> None:
        def compiled(connection: Any) -> _Statement:
            update: Any = make().query.chain(UpdateQuery)
            update.add_update_values(columns)
            return _Statement(update.get_compiler(connection=connection), connection)

        super().__init__(compiled)

    def __call__(self, **values: Any) -> int:
        """Run it with these values; how many rows it changed."""
        connection = connections["default"]
        with connection.cursor() as cursor:
            self._made(connection).run(cursor, values)
            changed: int = cursor.rowcount
        return changed


def insert_all(objects: Sequence[Model]) -> None:
    """Insert new rows of one model, as `bulk_create` does, with SQL that is the same for any number of them.

    Raises:
        IntegrityError: one of them breaks a constraint; in a transaction, none may be kept.
    """
    if not objects:
        return
    connection = connections["default"]
    fields, statement = _insertion(type(objects[0]), connection.vendor)
    rows = [[field.get_db_prep_save(getattr(each, field.attname), connection) for field in fields] for each in objects]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(statement, [list(column) for column in zip(*rows, strict=True)])
        else:
            cursor.executemany(statement, rows)
    for each in objects:
        each._state.adding, each._state.db = False, connection.alias


@cache
def _insertion(model: type[Model], vendor: str) -> "tuple[list[Field[Any, Any]], str]":
    """The fields that are given, and the statement. The database gives the other ones' values.

    PostgreSQL takes each column as an array: one round trip, however many rows.
    """
    fields = [field for field in model._meta.concrete_fields if not isinstance(field, AutoField | BigAutoField)]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    into = f'INSERT INTO "{model._meta.db_table}" ({columns})'
    if vendor == "postgresql":
        arrays = ", ".join(f"%s::{field.db_type(connections['default'])}[]" for field in fields)
        return fields, f"{into} SELECT * FROM unnest({arrays})"  # noqa: S608  (names alone)
    return fields, f"{into} VALUES ({', '.join(['%s'] * len(fields))})"


class _Statement:
    """SQL for one thread and its connection."""

    def __init__(self, compiler: Any, connection: Any) -> None:
        self.connection = connection
        self._sql, self._parameters = compiler.as_sql()

    def run(self, cursor: Any, values: Mapping[str, Any]) -> None:
        connection = self.connection
        parameters = tuple(
            each.stored(values[each.name], connection) if isinstance(each, Parameter) else each
            for each in self._parameters
        )
        cursor.execute(self._sql, parameters)


class _Selection(_Statement, Generic[Row]):
    """A query's SQL, and how its rows become what the query promises."""

    def __init__(self, query: Any, connection: Any) -> None:
        compiler = query.query.get_compiler(connection=connection)
        super().__init__(compiler, connection)
        self._compiler = compiler
        self._converters = compiler.get_converters([expression for expression, *_ in compiler.select])
        self._row: Callable[[Any], Row] = _maker(query, compiler, connection.alias)

    def rows(self, values: Mapping[str, Any]) -> list[Row]:
        with self.connection.cursor() as cursor:
            self.run(cursor, values)
            found = cursor.fetchall()
        if self._converters:
            found = self._compiler.apply_converters(found, self._converters)
        return [self._row(row) for row in found]


def _maker(query: Any, compiler: Any, alias: str) -> Callable[[Any], Any]:
    """What makes one of the query's results of a row."""
    kind = query._iterable_class
    if kind is FlatValuesListIterable:
        return lambda row: row[0]
    if kind is ValuesListIterable:
        return tuple
    if kind is not ModelIterable:
        raise TypeError(f"only queries for models or with values_list can be prepared, not {kind.__name__}")
    info = compiler.klass_info
    first, last = info["select_fields"][0], info["select_fields"][-1] + 1
    names = [column.target.attname for column, *_ in compiler.select[first:last]]
    from_db = info["model"].from_db
    beside = _populators(info, compiler.select, alias)
    annotations = list((compiler.annotation_col_map or {}).items())

    def model(row: Any) -> Any:
        made = from_db(alias, names, row[first:last])
        for each in beside:
            each.populate(row, made)
        for name, column in annotations:
            setattr(made, name, row[column])
        return made

    return model
