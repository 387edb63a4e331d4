from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import ActionForm
from django.contrib.auth.admin import UserAdmin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat.actions.people import ban, end_all_sessions, end_other_sessions, rename, unban
from chat.admin.acting import ActingAdmin, acting, link_to_list
from chat.models import ApiToken, Membership, Message, User
from chat.sessions import keep_session


class ReasonForm(ActionForm):
    """Beside the choice of what to do: why. Bans keep it, and the ends of sessions."""

    reason = forms.CharField(label=_("Reason:"), required=False, max_length=200)


@admin.register(User)
class PersonAdmin(ActingAdmin[User], UserAdmin):  # type: ignore[type-arg]  # generic to the type checker alone
    """People: their names and rights; bans and the end of sessions are actions of the list."""

    list_display = ("username", "display_name", "email", "is_active", "is_staff", "banned_at", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser", ("banned_at", admin.EmptyFieldListFilter), "groups")
    search_fields = ("username", "display_name", "email")
    ordering = ("username",)
    readonly_fields = ("is_active", "banned_at", "ban_reason", "last_login", "date_joined", "elsewhere")
    fieldsets = (
        (None, {"fields": ("username", "display_name", "email", "password", "elsewhere")}),
        (_("Access"), {"fields": ("is_active", "banned_at", "ban_reason", "last_login", "date_joined")}),
        (_("Permissions"), {"fields": ("is_staff", "is_superuser", "groups", "user_permissions")}),
    )
    add_fieldsets = (
        (None, {"classes": ("wide",), "fields": ("username", "usable_password", "password1", "password2")}),
    )
    actions = ("ban_people", "unban_people", "end_sessions")
    action_form = ReasonForm

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        # People are spoken of by their username: it stays. Rights are given by those who have them all.
        fixed = ("username",) if obj else ()
        rights = () if acting(request).is_superuser else ("is_staff", "is_superuser", "groups", "user_permissions")
        return (*self.readonly_fields, *fixed, *rights)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False  # A ban is the way; what somebody said stays somebody's.

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        protected = obj is not None and obj.is_superuser and not acting(request).is_superuser
        return not protected and super().has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if not change:
            super().save_model(request, obj, form, change)
            return
        fields = {field.name for field in User._meta.concrete_fields} & set(form.changed_data)
        if "display_name" in fields:
            name = obj.display_name
            person = rename(obj.pk, actor=None if obj == acting(request) else acting(request), display_name=name)
            obj.display_name, obj.version = person.display_name, person.version
        if others := fields - {"display_name"}:
            obj.save(update_fields=others)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002  (Django's)
        """As Django's; and all that came in with the old password ends, connections too."""
        response = super().user_change_password(request, id, form_url)
        if request.method == "POST" and response.status_code == 302:
            person = User.objects.get(pk=id)
            # Django gave the request's own session another key, whoever's password it was.
            keep_session(request, acting(request))
            end_other_sessions(person.pk, session_key=request.session.session_key, reason="password changed")
        return response

    @admin.display(description=_("elsewhere"))
    def elsewhere(self, person: User) -> str:
        links = [
            link_to_list(Membership, gettext("rooms"), user__id__exact=person.pk),
            link_to_list(Message, gettext("messages"), author__id__exact=person.pk),
            link_to_list(ApiToken, gettext("API tokens"), user__id__exact=person.pk),
        ]
        return format_html_join(" · ", "{}", ((link,) for link in links))

    @admin.action(description=_("Ban: close the account and end all sessions"), permissions=["change"])
    def ban_people(self, request: HttpRequest, people: QuerySet[User]) -> None:
        for person in people:
            ban(person.pk, actor=acting(request), reason=request.POST.get("reason", ""))
        self.message_user(request, gettext("Banned: %(count)d") % {"count": len(people)})

    @admin.action(description=_("Lift the ban"), permissions=["change"])
    def unban_people(self, request: HttpRequest, people: QuerySet[User]) -> None:
        for person in people:
            unban(person.pk, actor=acting(request))
        self.message_user(request, gettext("Bans lifted: %(count)d") % {"count": len(people)})

    @admin.action(description=_("End all sessions and API tokens"), permissions=["change"])
    def end_sessions(self, request: HttpRequest, people: QuerySet[User]) -> None:
        for person in people:
            reason = request.POST.get("reason", "") or "ended by a moderator"
            end_all_sessions(person.pk, actor=acting(request), reason=reason)
        self.message_user(request, gettext("Signed out: %(count)d") % {"count": len(people)})
