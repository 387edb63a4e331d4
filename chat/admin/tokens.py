from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat.actions.tokens import create_token, revoke_token
from chat.admin.acting import ActingAdmin, link_to
from chat.models import ApiToken


@admin.register(ApiToken)
class ApiTokenAdmin(ActingAdmin[ApiToken]):
    """API tokens: made here, shown once, revoked by an action of the list."""

    list_display = ("name", "user_link", "created_at", "last_used_at", "revoked_at")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter), "created_at", "last_used_at")
    search_fields = ("name", "user__username", "user__display_name")
    list_select_related = ("user",)
    autocomplete_fields = ("user",)
    ordering = ("-created_at",)
    readonly_fields = ("created_at", "last_used_at", "revoked_at")
    actions = ("revoke",)

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> tuple[str, ...]:
        return ("user", "name") if obj is None else ("user", "name", *self.readonly_fields)

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        # A token is never changed; the list's action needs the right to change them nevertheless.
        return obj is None and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return False  # Revoking is the way: it ends the connections too.

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        token, text = create_token(obj.user, name=obj.name)
        obj.__dict__.update(token.__dict__)
        shown = format_html("{} <code>{}</code>", gettext("The token, which is shown this once:"), text)
        self.message_user(request, shown, level=messages.WARNING)

    @admin.display(description=_("person"), ordering="user__username")
    def user_link(self, token: ApiToken) -> str:
        return link_to(token.user)

    @admin.action(description=_("Revoke: let nobody in with it any more"), permissions=["change"])
    def revoke(self, request: HttpRequest, tokens: QuerySet[ApiToken]) -> None:
        for token in tokens:
            revoke_token(token)
        self.message_user(request, gettext("Revoked: %(count)d") % {"count": len(tokens)})
