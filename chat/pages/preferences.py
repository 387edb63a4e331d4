"""The settings: how one is called, and in which language the pages speak."""

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from chat.actions.people import rename
from chat.models import User
from chat.pages.refusals import said
from chat.pages.signed_in import signed_in
from realtime.errors import Refusal


def _languages() -> list[tuple[str, str]]:
    """Each language by its own name: who can't read the page finds theirs."""
    return [(code, translation.get_language_info(code)["name_local"]) for code, _name in settings.LANGUAGES]


class PreferencesForm(forms.Form):
    display_name = forms.CharField(
        label=_("Your name"),
        help_text=_("Others see it beside your messages. Left empty, they see your username."),
        required=False,
        max_length=User._meta.get_field("display_name").max_length,
        widget=forms.TextInput(attrs={"autocomplete": "nickname"}),
    )
    language = forms.ChoiceField(label=_("Language"), choices=_languages, widget=forms.RadioSelect)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def preferences(request: HttpRequest, viewer: User) -> HttpResponse:
    now = {"display_name": viewer.display_name, "language": translation.get_language()}
    if request.method != "POST":
        return render(request, "settings/page.html", {"form": PreferencesForm(initial=now)})
    form = PreferencesForm(request.POST)
    if not form.is_valid() or not _rename(form, viewer):
        return render(request, "settings/page.html", {"form": form}, status=422)
    language = form.cleaned_data["language"]
    with translation.override(language):
        messages.success(request, gettext("Saved."))
    response = redirect("settings")
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=365 * 24 * 3600,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Lax",
    )
    return response


def _rename(form: PreferencesForm, viewer: User) -> bool:
    """Whether the name is as the form has it now; where it was refused, the form says why."""
    try:
        rename(viewer.pk, actor=viewer, display_name=form.cleaned_data["display_name"])
    except Refusal as refusal:
        form.add_error("display_name", said(refusal))
        return False
    return True
