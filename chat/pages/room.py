"""One room: reading and writing in it, joining and leaving it. All of it works without JavaScript."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from chat.actions.messages import send_message
from chat.actions.rooms import join_room, leave_room
from chat.models import Room, User
from chat.pages.asking import ROOM, ask
from chat.pages.home import LAST_ROOM
from chat.pages.refusals import said
from chat.pages.signed_in import signed_in
from chat.permissions import readable_rooms
from realtime.errors import Refusal

PAGE_MESSAGES = 50


class MessageForm(forms.Form):
    """What the composer posts. The id is chosen by the page, so that sending it twice stores one message."""

    id = forms.UUIDField()
    body = forms.CharField(required=False, strip=False)
    reply_to = forms.UUIDField(required=False)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def room_page(request: HttpRequest, viewer: User, slug: str) -> HttpResponse:
    if request.method != "POST":
        return _show(request, viewer, slug, before=request.GET.get("before"))
    room = readable_rooms(viewer).filter(slug=slug).first()
    return room_missing(request) if room is None else _send(request, viewer, room)


def _send(request: HttpRequest, viewer: User, room: Room) -> HttpResponse:
    form = MessageForm(request.POST)
    if not form.is_valid():
        return render(request, "400.html", status=HTTPStatus.BAD_REQUEST)
    sent: dict[str, Any] = form.cleaned_data
    try:
        send_message(room.pk, author=viewer, body=sent["body"], id=sent["id"], reply_to_id=sent["reply_to"])
    except Refusal as refusal:
        return _show(request, viewer, room.slug, draft=sent["body"], refusal=said(refusal), reply_to=sent["reply_to"])
    return redirect("room", room.slug)


def _show(
    request: HttpRequest,
    viewer: User,
    slug: str,
    *,
    before: str | None = None,
    draft: str = "",
    refusal: str = "",
    reply_to: UUID | None = None,
) -> HttpResponse:
    """Draw the room: its newest messages, or those before the cursor. A refused text is given back as it was."""
    data = ask(ROOM, "RoomPage", viewer=viewer, slug=slug, last=PAGE_MESSAGES)
    if data["room"] is None:
        return room_missing(request)
    shown = data["room"]
    if before:
        # The client's cache gets the newest page all the same: it subscribes after what it holds.
        history = ask(ROOM, "History", viewer=viewer, roomId=shown["id"], last=PAGE_MESSAGES, before=before)
        shown = shown | {"messages": history["room"]["messages"]}
    if request.session.get(LAST_ROOM) != slug:
        request.session[LAST_ROOM] = slug
    context = {
        "page_data": data,
        "viewer": data["viewer"],
        "rooms": data["rooms"],
        "room": shown,
        "earlier": shown["messages"]["pageInfo"]["startCursor"] if _has_earlier(shown) else None,
        "at_present": not before,
        "archived": shown["archivedAt"] is not None,
        "draft": draft,
        "refusal": refusal,
        "reply_to": reply_to,
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if refusal else HTTPStatus.OK
    return render(request, "room/page.html", context, status=status)


def _has_earlier(room: dict[str, Any]) -> bool:
    return bool(room["messages"]["pageInfo"]["hasPreviousPage"])


def room_missing(request: HttpRequest) -> HttpResponse:
    """One answer for a room that is not there and for one that the viewer may not know of."""
    return render(request, "rooms/missing.html", status=HTTPStatus.NOT_FOUND)


@require_http_methods(["GET", "POST"])
@signed_in
def join(request: HttpRequest, viewer: User, slug: str) -> HttpResponse:
    """Whoever comes by a link (after the log-in, say) sees the room and may join it there."""
    room = readable_rooms(viewer).filter(slug=slug).first()
    if room is None:
        return room_missing(request)
    if request.method == "POST":
        join_room(room.pk, actor=viewer)
    return redirect("room", room.slug)


@require_http_methods(["GET", "POST"])
@signed_in
def leave(request: HttpRequest, viewer: User, slug: str) -> HttpResponse:
    """Asks first: who left a private room can't come back by themselves."""
    room = readable_rooms(viewer).filter(slug=slug, memberships__user=viewer).first()
    if room is None:
        return room_missing(request)
    if request.method == "GET":
        return render(request, "rooms/leave.html", {"room": room, "private": room.visibility != Room.Visibility.PUBLIC})
    leave_room(room.pk, actor=viewer)
    if request.session.get(LAST_ROOM) == room.slug:
        del request.session[LAST_ROOM]
    return redirect("rooms")
