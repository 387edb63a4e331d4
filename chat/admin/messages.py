from collections.abc import Iterable

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import Truncator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat.actions.messages import delete_message
from chat.admin.acting import ReadOnlyAdmin, acting, link_to, link_to_list
from chat.models import Message, Reaction

_EXCERPT_CHARS = 90


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin[Message]):
    """Messages, to find and to delete. A deleted one stays as a tombstone without its words, as in the room."""

    list_display = ("excerpt", "author_link", "room_link", "created_at", "edited_at", "deleted_at")
    list_filter = (
        "status",
        ("deleted_at", admin.EmptyFieldListFilter),
        ("edited_at", admin.EmptyFieldListFilter),
        "room__visibility",
    )
    search_fields = ("body", "author__username", "author__display_name", "room__name", "room__slug")
    list_select_related = ("author", "room")
    list_per_page = 50
    show_full_result_count = False
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    fields = ("author_link", "room_link", "text", "created_at", "edited_at", "deleted_at", "reply_link", "elsewhere")
    readonly_fields = fields

    def has_delete_permission(self, request: HttpRequest, obj: Message | None = None) -> bool:
        return request.user.has_perm("chat.delete_message") and (obj is None or obj.deleted_at is None)

    def get_deleted_objects(
        self, objs: Iterable[Message], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """What the page that asks again shows: the messages, for no row goes away with them but their reactions."""
        shown = [_in_short(message) for message in objs]
        return shown, {str(Message._meta.verbose_name_plural): len(shown)}, set(), []

    def delete_model(self, request: HttpRequest, obj: Message) -> None:
        delete_message(obj.pk, actor=acting(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        for message_id in list(queryset.values_list("pk", flat=True)):
            delete_message(message_id, actor=acting(request))

    @admin.display(description=_("text"))
    def excerpt(self, message: Message) -> str:
        return _in_short(message)

    @admin.display(description=_("text"))
    def text(self, message: Message) -> str:
        return _in_short(message) if message.deleted_at else _sanitised(message)

    @admin.display(description=_("author"), ordering="author__username")
    def author_link(self, message: Message) -> str:
        return link_to(message.author)

    @admin.display(description=_("room"), ordering="room__name")
    def room_link(self, message: Message) -> str:
        return link_to(message.room)

    @admin.display(description=_("reply to"))
    def reply_link(self, message: Message) -> str:
        return link_to(message.reply_to)

    @admin.display(description=_("elsewhere"))
    def elsewhere(self, message: Message) -> str:
        root = message.thread_root_id or message.pk
        links = [
            link_to_list(Message, gettext("replies in its thread"), thread_root__id__exact=root),
            link_to_list(Reaction, gettext("reactions"), message__id__exact=message.pk),
        ]
        return format_html_join(" · ", "{}", ((link,) for link in links))


def _in_short(message: Message) -> str:
    if message.deleted_at is not None:
        return gettext("(deleted)")
    return Truncator(message.body).chars(_EXCERPT_CHARS)


def _sanitised(message: Message) -> SafeString:
    return mark_safe(message.body_html)  # noqa: S308  (sanitised by chat.rendering before it was stored)


@admin.register(Reaction)
class ReactionAdmin(ReadOnlyAdmin[Reaction]):
    """Who put which emoji under what."""

    list_display = ("emoji", "user_link", "message_link", "created_at")
    search_fields = ("emoji", "user__username", "user__display_name")
    list_select_related = ("user", "message__room")
    list_per_page = 50
    show_full_result_count = False
    ordering = ("-pk",)
    fields = ("emoji", "user_link", "message_link", "created_at")
    readonly_fields = fields

    @admin.display(description=_("person"))
    def user_link(self, reaction: Reaction) -> str:
        return link_to(reaction.user)

    @admin.display(description=_("message"))
    def message_link(self, reaction: Reaction) -> str:
        return format_html("{}: {}", link_to(reaction.message), _in_short(reaction.message))
