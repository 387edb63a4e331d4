"""channels_graphql_ws as it comes, on daphne, over the in-memory channel layer and a SQLite database in FOLDER.

Serves Todoku's RoomFeed and sendMessage at http://127.0.0.1:PORT/graphql, over WebSocket as well, with the same names
and fields; there are no accounts and no replay. A subscription's first event is a StreamReady as Todoku's is: the
library's own `confirm_subscriptions` sends it. The library joins the group some turns of its loop after that, which a
send over HTTP never overtook when tried.
"""

import html
import os
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import django
from daphne.server import Server
from django.conf import settings

settings.configure(
    SECRET_KEY="of this benchmark alone",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=[],
    INSTALLED_APPS=["channels", "graphene_django"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": Path(os.environ["FOLDER"]) / "messages.sqlite3",
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
            },
        }
    },
    # By default a channel drops what comes while a hundred wait.
    CHANNEL_LAYERS={"default": {"BACKEND": "channels.layers.InMemoryChannelLayer", "CONFIG": {"capacity": 10_000}}},
)
django.setup()

import graphene  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels_graphql_ws import GraphqlWsConsumer, Subscription  # noqa: E402
from django.core.asgi import get_asgi_application  # noqa: E402
from django.db import connection, models  # noqa: E402
from django.urls import path  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402
from graphene_django.views import GraphQLView  # noqa: E402

AUTHOR = {
    "id": "6197262956098692759",
    "version": 1,
    "username": "aiko",
    "display_name": "aiko",
    "avatar_url": None,
}


class StoredMessage(models.Model):  # noqa: DJ008
    seq = models.AutoField(primary_key=True)
    id = models.UUIDField(default=uuid.uuid4)
    room_id = models.TextField()
    body = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        app_label = "stock"


class User(graphene.ObjectType):
    id = graphene.ID(required=True)
    version = graphene.Int(required=True)
    username = graphene.String(required=True)
    display_name = graphene.String(required=True)
    avatar_url = graphene.String()


class Reaction(graphene.ObjectType):
    emoji = graphene.String(required=True)
    count = graphene.Int(required=True)
    users = graphene.List(graphene.NonNull(User), required=True)


class Message(graphene.ObjectType):
    id = graphene.ID(required=True)
    room_id = graphene.ID(required=True)
    seq = graphene.Int(required=True)
    version = graphene.Int(required=True)
    author = graphene.Field(User)
    body = graphene.String(required=True)
    body_html = graphene.String(required=True)
    created_at = graphene.String(required=True)
    edited_at = graphene.String()
    deleted_at = graphene.String()
    reply_to = graphene.Field(lambda: Message)
    thread_root_id = graphene.ID()
    reactions = graphene.List(graphene.NonNull(Reaction), required=True)


class Room(graphene.ObjectType):
    id = graphene.ID(required=True)
    slug = graphene.String(required=True)
    name = graphene.String(required=True)
    topic = graphene.String(required=True)
    visibility = graphene.String(required=True)
    archived_at = graphene.String()
    last_seq = graphene.Int(required=True)
    version = graphene.Int(required=True)
    message_count = graphene.Int(required=True)
    member_count = graphene.Int(required=True)


class RoomEvent(graphene.Interface):
    room_id = graphene.ID(required=True)
    seq = graphene.Int(required=True)
    at = graphene.String(required=True)
    actor = graphene.Field(User)

    @classmethod
    def resolve_type(cls, instance: object, info: graphene.ResolveInfo) -> type[graphene.ObjectType]:
        return MessageSent


def event(name: str, **fields: object) -> type[graphene.ObjectType]:
    """A kind of event; of most the feed's text speaks and none ever comes."""
    return type(name, (graphene.ObjectType,), fields, interfaces=[RoomEvent])


MESSAGE = graphene.Field(Message, required=True)
MEMBER = graphene.Field(User, required=True)

MessageSent = event("MessageSent", message=MESSAGE)
EVENTS = [
    MessageSent,
    event("MessageEdited", message=MESSAGE),
    event("MessageDeleted", message=MESSAGE),
    event("ReactionsChanged", message=MESSAGE, emoji=graphene.String(), added=graphene.Boolean()),
    event("MemberJoined", member=MEMBER),
    event("MemberLeft", member=MEMBER),
    event("MemberUpdated", member=MEMBER, role=graphene.String()),
    event("RoomUpdated", room=graphene.Field(Room, required=True)),
    event("StreamReset", reason=graphene.String()),
]


def cursor(seq: int) -> str:
    """As long as one of Todoku's."""
    return f"{seq:032}"


class RoomEvents(Subscription):
    cursor = graphene.String(required=True)
    event = graphene.Field(RoomEvent)

    class Arguments:
        room_id = graphene.ID(required=True)
        after = graphene.String()

    @staticmethod
    def subscribe(root: None, info: graphene.ResolveInfo, room_id: str, after: str | None = None) -> list[str]:
        return [room_id]

    @staticmethod
    def publish(payload: dict[str, Any], info: graphene.ResolveInfo, **arguments: object) -> "RoomEvents":
        return RoomEvents(cursor=cursor(payload["seq"]), event=payload)


class SendMessageInput(graphene.InputObjectType):
    room_id = graphene.ID(required=True)
    body = graphene.String(required=True)
    id = graphene.String()


class SendMessage(graphene.Mutation):
    status = graphene.String(required=True)
    message = graphene.Field(Message)

    class Meta:
        name = "SendMessagePayload"

    class Arguments:
        input = SendMessageInput(required=True)

    @staticmethod
    def mutate(root: None, info: graphene.ResolveInfo, input: SendMessageInput) -> "SendMessage":  # noqa: A002
        message = store(room_id=input.room_id, body=input.body)
        sent = {"room_id": message["room_id"], "seq": message["seq"], "at": message["created_at"], "actor": AUTHOR}
        RoomEvents.broadcast(group=input.room_id, payload=sent | {"message": message})
        return SendMessage(status="STORED", message=message)


def store(*, room_id: str, body: str) -> dict[str, Any]:
    """Store a message; the fields of a `Message`."""
    stored = StoredMessage(room_id=room_id, body=body, created_at=datetime.now(UTC))
    stored.save(force_insert=True)
    return {
        "id": str(stored.id),
        "room_id": room_id,
        "seq": stored.seq,
        "version": stored.seq,
        "author": AUTHOR,
        "body": body,
        "body_html": f"<p>{html.escape(body)}</p>",
        "created_at": stored.created_at.isoformat(),
        "reactions": [],
    }


class Query(graphene.ObjectType):
    hello = graphene.String()


class Mutations(graphene.ObjectType):
    send_message = SendMessage.Field()


class Subscriptions(graphene.ObjectType):
    room_events = RoomEvents.Field(required=True)


SCHEMA = graphene.Schema(query=Query, mutation=Mutations, subscription=Subscriptions, types=EVENTS)


class Consumer(GraphqlWsConsumer):
    schema = SCHEMA
    confirm_subscriptions = True
    subscription_confirmation_message = {
        "data": {
            "roomEvents": {"__typename": "RoomEvents", "cursor": cursor(0), "event": {"__typename": "StreamReady"}}
        },
        "errors": None,
    }


urlpatterns = [path("graphql", csrf_exempt(GraphQLView.as_view(schema=SCHEMA)))]
application = ProtocolTypeRouter(
    {"http": get_asgi_application(), "websocket": URLRouter([path("graphql", Consumer.as_asgi())])}
)


def main() -> None:
    with connection.schema_editor() as editor:
        editor.create_model(StoredMessage)
    connection.close()
    endpoint = f"tcp:port={os.environ['PORT']}:interface=127.0.0.1:backlog=1024"
    Server(application, endpoints=[endpoint], ready_callable=lambda: print("ready", flush=True)).run()


if __name__ == "__main__":
    main()
