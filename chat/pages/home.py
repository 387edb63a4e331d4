"""`/`: what this place is, for those who are not signed in; the right room, for those who are."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from chat.models import Room, User
from chat.pages.account_forms import LogInForm
from chat.permissions import readable_rooms

# The slug of the room somebody was in last, kept in their session.
LAST_ROOM = "last_room"


def home(request: HttpRequest) -> HttpResponse:
    if not request.user.is_authenticated:
        return render(request, "home/page.html", {"form": LogInForm()})
    room = last_room(request, request.user) or busiest_room(request.user)
    return redirect("room", room.slug) if room else redirect("rooms")


def last_room(request: HttpRequest, user: User) -> Room | None:
    """The room this session was in last, if its person may still read it."""
    slug = request.session.get(LAST_ROOM)
    return readable_rooms(user).filter(slug=slug).first() if slug else None


def busiest_room(user: User) -> Room | None:
    """The joined room with most messages; else, for somebody new, the public one."""
    open_rooms = readable_rooms(user).filter(archived_at=None).order_by("-message_count", "created_at")
    joined = open_rooms.filter(memberships__user=user).exclude(visibility=Room.Visibility.DIRECT)
    return joined.first() or open_rooms.filter(visibility=Room.Visibility.PUBLIC).first()
