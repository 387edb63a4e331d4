"""What the admin's pages have in common: nothing is written but by actions, and refusals are shown as messages."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html

from chat.models import User
from realtime.errors import Refusal

Row = TypeVar("Row", bound=Model)

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin
else:

    class ModelAdmin(admin.ModelAdmin):
        """Django's, which is generic to the type checker alone."""

        def __class_getitem__(cls, model: object) -> type:
            return cls


class ActingAdmin(ModelAdmin[Row]):
    """Pages over one model whose `save_model` and `delete_model` call actions; what these refuse the page tells."""

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._told(request, lambda: super(ActingAdmin, self).changeform_view(request, *args, **kwargs))

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._told(request, lambda: super(ActingAdmin, self).delete_view(request, *args, **kwargs))

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._told(request, lambda: super(ActingAdmin, self).changelist_view(request, *args, **kwargs))

    def _told(self, request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse:
        try:
            return view()
        except Refusal as refusal:
            self.message_user(request, f"{refusal} ({refusal.reason})", level=messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())


class ReadOnlyAdmin(ActingAdmin[Row]):
    """Pages to look at: nothing is added, changed or deleted in them."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False


def acting(request: HttpRequest) -> User:
    """The member of staff who uses the admin."""
    assert isinstance(request.user, User)
    return request.user


def link_to(row: Model | None) -> str:
    """A link to the row's own page in the admin, in its own words."""
    if row is None:
        return "–"
    page = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    return format_html('<a href="{}">{}</a>', page, str(row))


def link_to_list(model: type[Model], text: object, **lookups: object) -> str:
    """A link to the list of `model`, narrowed by `lookups`."""
    page = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return format_html('<a href="{}?{}">{}</a>', page, urlencode(lookups), text)
