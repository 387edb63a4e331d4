"""The rooms there are: those one is in, those one may join, and a new one."""

import uuid
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from chat.actions.rooms import create_room
from chat.models import Room, User
from chat.pages.asking import DIRECTORY, ask
from chat.pages.refusals import said
from chat.pages.signed_in import signed_in
from realtime.errors import Refusal


@require_safe
@signed_in
def room_list(request: HttpRequest, viewer: User) -> HttpResponse:
    query = request.GET.get("q", "").strip()
    after = request.GET.get("after")
    data = ask(DIRECTORY, "Directory", viewer=viewer, query=query or None, after=after)
    joined = [] if after else data["joined"]["nodes"]
    return render(
        request,
        "rooms/page.html",
        {
            "viewer": data["viewer"],
            "query": query,
            "rooms": [room for room in joined if room["visibility"] != Room.Visibility.DIRECT],
            "direct": [room for room in joined if room["visibility"] == Room.Visibility.DIRECT],
            "others": data["others"]["nodes"],
            "next": data["others"]["pageInfo"]["endCursor"] if data["others"]["pageInfo"]["hasNextPage"] else None,
        },
    )


class NewRoomForm(forms.Form):
    """Asks what `create_room` takes. The hidden id makes a form that is sent twice create one room."""

    op_id = forms.UUIDField(widget=forms.HiddenInput)
    name = forms.CharField(
        label=_("Name"),
        max_length=Room._meta.get_field("name").max_length,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    topic = forms.CharField(
        label=_("Topic (optional)"),
        help_text=_("One line on what belongs here."),
        required=False,
        max_length=Room._meta.get_field("topic").max_length,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    visibility = forms.ChoiceField(
        label=_("Who may read"),
        choices=[
            (Room.Visibility.PUBLIC, _("Public: everybody who is signed in can find it, read it and join")),
            (Room.Visibility.PRIVATE, _("Private: only those you add know that it exists")),
        ],
        initial=Room.Visibility.PUBLIC,
        widget=forms.RadioSelect,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def new_room(request: HttpRequest, viewer: User) -> HttpResponse:
    if request.method != "POST":
        return render(request, "rooms/new.html", {"form": NewRoomForm(initial={"op_id": uuid.uuid4()})})
    form = NewRoomForm(request.POST)
    if form.is_valid() and (room := _create(form, author=viewer)) is not None:
        return redirect("room", room.slug)
    return render(request, "rooms/new.html", {"form": form}, status=422)


def _create(form: NewRoomForm, *, author: User) -> Room | None:
    """The new room; None where it was refused, and the form says why."""
    asked: dict[str, Any] = form.cleaned_data
    try:
        return create_room(
            author=author,
            name=asked["name"],
            topic=asked["topic"],
            visibility=Room.Visibility(asked["visibility"]),
            op_id=asked["op_id"],
        )
    except Refusal as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, said(refusal))
        return None
