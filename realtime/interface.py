"""What a project plugs into `realtime`: its schema, who its viewers are, and where its subscriptions get their events.

The setting `REALTIME_INTERFACE` names the one `Interface` of the installation (`config.schema.interface`).
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol

from django.conf import settings
from django.http import HttpRequest
from django.utils.module_loading import import_string
from graphql import GraphQLSchema

from realtime.errors import Refusal
from realtime.models import Event


class Viewer(Protocol):
    """A signed-in person."""

    @property
    def pk(self) -> int: ...


Context = Any  # `info.context` of one execution, or of a page of them that share its loaders


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a connection belongs to, and by what right: its credential ends before the person does."""

    viewer: Viewer
    credential: str
    stream_id: int


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a WebSocket peer showed: the session cookie counts only from a trusted origin."""

    session_key: str | None
    authorization: str | None


@dataclass(frozen=True, slots=True)
class Place:
    """What a subscription listens to.

    Args:
        stream_id: the stream; who may not read it gets nothing of `topic` either.
        topic: for what passes and is not kept; None for the stream's own events.
    """

    stream_id: int
    topic: str | None = None


class Source(Protocol):
    """Where the events of one subscription field come from. All methods run in a worker thread and may use the ORM."""

    def locate(self, viewer: Viewer, arguments: Mapping[str, Any]) -> Place:
        """What the field's arguments (by their names in Python) name. Raises: Refusal, NotFound above all."""
        ...

    def who_may_read(self, stream_id: int, viewer_ids: Collection[int]) -> Collection[int]:
        """Those of the viewers who may read the stream now, in a constant number of queries."""
        ...

    def unreadable(self) -> Refusal:
        """What those are told who may not read: the very words in which `locate` says that there is nothing."""
        ...

    def may_shut_out(self, event: Event) -> bool:
        """Whether somebody who could read the stream before may not after this event."""
        ...

    def overtakes(self, event: Event) -> bool:
        """Whether this event makes payloads of earlier ones untrue (an edit, a deletion)."""
        ...

    def prepare(self, context: Context, roots: Sequence[Any]) -> None:
        """Announce to the context's loaders what executing `roots` will need."""
        ...

    def follows(self, viewer: Viewer) -> Iterable[int]:
        """Streams whose activity (that they grew, no more) the subscription wants to hear of as well."""
        ...

    def changes_follows(self, event: Event) -> bool:
        """Whether `follows` has to be asked again after this event."""
        ...


@dataclass(frozen=True, slots=True)
class Interface:
    """One installation's GraphQL, as the hub and the endpoint use it.

    Args:
        schema: the executable schema; its resolvers are synchronous.
        personal_context: makes the context of an execution for one viewer (None: anonymous).
        shared_context: makes the context of an execution whose result many viewers get.
        authenticate: who shows these credentials; None where they are no good. Runs in a worker thread.
        authenticate_request: the same for HTTP; raises Refusal where the request must not go on.
        introduced: a WebSocket is served in this name now. Runs in a worker thread, and may write.
        closes: the close code and reason for a connection of `credential` at an event of its person's stream, or None.
        sources: by the name of the subscription's root field.
    """

    schema: GraphQLSchema
    personal_context: Callable[[Any], Context]
    shared_context: Callable[[], Context]
    authenticate: Callable[[Credentials], Principal | None]
    authenticate_request: Callable[[HttpRequest], Any]
    introduced: Callable[[Principal], None]
    closes: Callable[[Event, str], "tuple[int, str] | None"]
    sources: Mapping[str, Source] = field(default_factory=dict)


@cache
def interface() -> Interface:
    loaded = import_string(settings.REALTIME_INTERFACE)
    if not isinstance(loaded, Interface):
        raise TypeError(f"REALTIME_INTERFACE: expected an Interface, got {type(loaded).__name__}")
    return loaded
