"""Follow a Todoku room and write in it: TODOKU_TOKEN=… python client.py http://127.0.0.1:8000 <the room's id>"""

import asyncio
import os
import sys
import uuid

import backoff
from gql import Client, GraphQLRequest
from gql.transport.exceptions import TransportError, TransportQueryError
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport

PAGE = """query ($room: ID!, $before: String) { room(id: $room) { cursor messages(last: 100, before: $before) {
  nodes { id body author { username } } pageInfo { startCursor } } } }"""
EVENTS = """subscription ($room: ID!, $after: String!) { roomEvents(roomId: $room, after: $after) { cursor event {
  __typename ... on MessageSent { message { id body author { username } } } } } }"""
SEND = "mutation ($input: SendMessageInput!) { sendMessage(input: $input) { status } }"
URL, ROOM, LOGIN = f"{sys.argv[1]}/graphql", sys.argv[2], {"authorization": f"Bearer {os.environ['TODOKU_TOKEN']}"}
STOP = {4400, 4401, 4403, 4406, 4409, 4429}  # every other close code, and none at all, means: come back
shown = set()


def show(message):
    if message["id"] not in shown:
        print(f"{message['author']['username']}: {message['body']}", flush=True)
    shown.add(message["id"])


def final(error):
    if isinstance(error, TransportQueryError):  # any other answer would be the same again
        return error.errors[0]["extensions"]["code"] not in {"RATE_LIMITED", "INTERNAL_SERVER_ERROR"}
    return getattr(getattr(error.__cause__, "rcvd", None), "code", None) in STOP


async def obey(failed):
    said = getattr(failed["exception"], "errors", None) or [{"extensions": {}}]
    await asyncio.sleep(said[0]["extensions"].get("retryAfter", 0))


insist = backoff.on_exception(backoff.expo, (TransportError, TimeoutError), max_value=5, giveup=final, on_backoff=obey)


@insist
async def ask(query, **variables):
    transport = HTTPXAsyncTransport(URL, headers=LOGIN, timeout=10)
    return await Client(transport=transport).execute_async(GraphQLRequest(query, variable_values=variables))


async def fetch(before=None):
    room = (await ask(PAGE, room=ROOM, before=before))["room"]
    messages = room["messages"]["nodes"]
    if messages and shown and shown.isdisjoint(message["id"] for message in messages):
        await fetch(room["messages"]["pageInfo"]["startCursor"])  # even the oldest is new: there may be more
    for message in messages:
        show(message)
    return room["cursor"]


@insist
async def follow(at):
    pings = {"ping_interval": 5, "ping_timeout": 5, "close_timeout": 1}  # seconds: they find a half-open connection
    socket = WebsocketsTransport(f"ws{URL[4:]}", init_payload=LOGIN, connect_args=pings, close_timeout=1)
    asked = GraphQLRequest(EVENTS, variable_values={"room": ROOM, "after": at["cursor"]})
    async for data in Client(transport=socket).subscribe_async(asked):
        event = data["roomEvents"]["event"] or {"__typename": "no longer shown"}
        if event["__typename"] == "StreamReset":
            await fetch()
        elif event["__typename"] == "MessageSent":
            show(event["message"])
        at["cursor"] = data["roomEvents"]["cursor"]


async def main():
    following = asyncio.create_task(follow({"cursor": await fetch()}))
    while line := await asyncio.to_thread(sys.stdin.readline):  # one after the other: what was typed first is first
        await ask(SEND, input={"id": str(uuid.uuid4()), "roomId": ROOM, "body": line})
    await following


asyncio.run(main())
