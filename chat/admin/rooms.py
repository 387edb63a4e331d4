from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat.actions.members import add_member, mute_member, remove_member, set_role
from chat.actions.rooms import create_room, update_room
from chat.admin.acting import ActingAdmin, acting, link_to, link_to_list
from chat.models import Membership, Message, Room
from realtime.models import Event


class RoomForm(forms.ModelForm):  # type: ignore[type-arg]  # generic to the type checker alone
    """What a room is made or changed with: direct rooms are neither."""

    visibility = forms.ChoiceField(
        label=_("visibility"),
        choices=[choice for choice in Room.Visibility.choices if choice[0] != Room.Visibility.DIRECT],
    )
    archived = forms.BooleanField(label=_("archived"), required=False)

    class Meta:
        model = Room
        fields = ("name", "slug", "topic", "visibility")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "name" in self.fields:  # a direct room is shown without any
            self.fields["name"].required = True
        if self.instance.stream_id is not None:
            self.fields["archived"].initial = self.instance.archived_at is not None
        if "slug" in self.fields:
            self.fields["slug"].required = False
            self.fields["slug"].help_text = _("Made from the name where it is left out.")


@admin.register(Room)
class RoomAdmin(ActingAdmin[Room]):
    """Rooms, made and changed as their owners would."""

    form = RoomForm
    list_display = ("__str__", "slug", "visibility", "member_count", "message_count", "last_at", "archived_at")
    list_filter = ("visibility", ("archived_at", admin.EmptyFieldListFilter), "created_at")
    search_fields = ("name", "slug", "topic")
    ordering = ("name", "slug")
    readonly_fields = ("message_count", "created_at", "created_by", "elsewhere")

    def get_fields(self, request: HttpRequest, obj: Room | None = None) -> tuple[str, ...]:
        if obj is None:
            return ("name", "slug", "topic", "visibility")
        if obj.visibility == Room.Visibility.DIRECT:
            return ("slug", "visibility", *self.readonly_fields)
        return ("name", "slug", "topic", "visibility", "archived", *self.readonly_fields)

    def get_readonly_fields(self, request: HttpRequest, obj: Room | None = None) -> tuple[str, ...]:
        # Links name a room by its slug: it stays.
        return self.readonly_fields if obj is None else ("slug", *self.readonly_fields)

    def has_change_permission(self, request: HttpRequest, obj: Room | None = None) -> bool:
        direct = obj is not None and obj.visibility == Room.Visibility.DIRECT
        return not direct and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Room | None = None) -> bool:
        return False  # Archiving is the way.

    def get_queryset(self, request: HttpRequest) -> QuerySet[Room]:
        return super().get_queryset(request).select_related("stream").annotate(people=Count("memberships"))

    def save_model(self, request: HttpRequest, obj: Room, form: Any, change: bool) -> None:
        given = form.cleaned_data
        if change:
            wanted = {name: given[name] for name in ("name", "topic", "visibility", "archived")}
            room = update_room(obj.pk, actor=acting(request), **wanted)
        else:
            room = create_room(
                author=acting(request),
                name=given["name"],
                slug=given["slug"] or None,
                topic=given["topic"],
                visibility=given["visibility"],
            )
        obj.__dict__.update(room.__dict__)

    @admin.display(description=_("members"), ordering="people")
    def member_count(self, room: Room) -> int:
        return room.people  # type: ignore[attr-defined,no-any-return]  # annotated above

    @admin.display(description=_("last event"), ordering="stream__last_at")
    def last_at(self, room: Room) -> object:
        return room.stream.last_at

    @admin.display(description=_("elsewhere"))
    def elsewhere(self, room: Room) -> str:
        links = [
            link_to_list(Membership, gettext("members"), room__id__exact=room.pk),
            link_to_list(Message, gettext("messages"), room__id__exact=room.pk),
            link_to_list(Event, gettext("log"), stream__id__exact=room.stream_id),
        ]
        return format_html_join(" · ", "{}", ((link,) for link in links))


@admin.register(Membership)
class MembershipAdmin(ActingAdmin[Membership]):
    """Who is in which room, as what: people are brought in, given roles, muted and taken out here."""

    list_display = ("user_link", "room_link", "role", "muted_until", "joined_at")
    list_filter = ("role", ("muted_until", admin.EmptyFieldListFilter), "room__visibility")
    search_fields = ("user__username", "user__display_name", "room__name", "room__slug")
    list_select_related = ("user", "room")
    list_display_links = ("role",)
    autocomplete_fields = ("user", "room")
    ordering = ("room__name", "user__username")

    def get_fields(self, request: HttpRequest, obj: Membership | None = None) -> tuple[str, ...]:
        if obj is None:
            return ("room", "user", "role")
        return ("room", "user", "role", "muted_until", "joined_at", "last_read_seq")

    def get_readonly_fields(self, request: HttpRequest, obj: Membership | None = None) -> tuple[str, ...]:
        return () if obj is None else ("room", "user", "joined_at", "last_read_seq")

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        actor, room_id, user_id = acting(request), obj.room_id, obj.user_id
        if not change:
            add_member(room_id, actor=actor, user_id=user_id)
        if not change or "role" in form.changed_data:
            set_role(room_id, actor=actor, user_id=user_id, role=obj.role)
        if "muted_until" in form.changed_data:
            mute_member(room_id, actor=actor, user_id=user_id, until=obj.muted_until)
        obj.__dict__.update(Membership.objects.get(room_id=room_id, user_id=user_id).__dict__)

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        remove_member(obj.room_id, actor=acting(request), user_id=obj.user_id)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        for membership in queryset:
            self.delete_model(request, membership)

    @admin.display(description=_("person"), ordering="user__username")
    def user_link(self, membership: Membership) -> str:
        return link_to(membership.user)

    @admin.display(description=_("room"), ordering="room__name")
    def room_link(self, membership: Membership) -> str:
        return link_to(membership.room)
