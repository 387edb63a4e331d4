from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from chat.admin.acting import ReadOnlyAdmin, link_to, link_to_list
from chat.models import User
from realtime.models import Event, Stream


@admin.register(Stream)
class StreamAdmin(ReadOnlyAdmin[Stream]):
    """The logs of rooms and people, to look at."""

    list_display = ("key", "last_seq", "last_at", "events_link")
    search_fields = ("key",)
    ordering = ("-last_at",)
    show_full_result_count = False
    fields = ("key", "last_seq", "last_at", "events_link")

    @admin.display(description=_("events"))
    def events_link(self, stream: Stream) -> str:
        return link_to_list(Event, stream.last_seq, stream__id__exact=stream.pk)


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin[Event]):
    """What happened, in order, to look at."""

    list_display = ("__str__", "stream_link", "seq", "kind", "actor_link", "object_id", "created_at")
    list_filter = ("kind",)
    search_fields = ("stream__key", "object_id", "kind")
    list_select_related = ("stream",)
    list_per_page = 50
    show_full_result_count = False
    ordering = ("-pk",)
    fields = ("stream_link", "seq", "kind", "actor_link", "object_id", "detail", "created_at")
    readonly_fields = ("stream_link", "actor_link")

    @admin.display(description=_("stream"))
    def stream_link(self, event: Event) -> str:
        return link_to(event.stream)

    @admin.display(description=_("by"))
    def actor_link(self, event: Event) -> str:
        return link_to_list(User, event.actor_id, id__exact=event.actor_id) if event.actor_id else "–"
