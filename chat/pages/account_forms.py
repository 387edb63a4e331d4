"""allauth's forms in our words. What they check and do is allauth's."""

from typing import Any

from allauth.account import forms as allauth
from django import forms
from django.utils.translation import gettext_lazy as _

NEW_PASSWORD_HELP = _("At least 8 characters, and not one that is easy to guess.")
NEW_PASSWORD_TWICE = {
    "password1": (_("New password"), NEW_PASSWORD_HELP),
    "password2": (_("New password once more"), ""),
}


def _word(form: forms.Form, words: dict[str, tuple[Any, Any]]) -> None:
    """Give fields their labels and help; the label stands over the field, so no placeholder repeats it."""
    for name, (label, help_text) in words.items():
        field = form.fields[name]
        field.label, field.help_text = label, help_text
        field.widget.attrs.pop("placeholder", None)


def _plain(form: forms.Form, *names: str) -> None:
    """A name or an address is neither a sentence nor a word to correct."""
    for name in names:
        form.fields[name].widget.attrs |= {"autocapitalize": "none", "spellcheck": "false"}


class LogInForm(allauth.LoginForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _word(self, {"login": (_("Username or e-mail"), ""), "password": (_("Password"), "")})
        _plain(self, "login")
        self.fields["login"].widget.attrs["autocomplete"] = "username"


class SignUpForm(allauth.SignupForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _word(
            self,
            {
                "username": (_("Username"), _("Others mention you by it. You can add a name of your own later.")),
                "email": (_("E-mail (optional)"), _("Only for getting a forgotten password back.")),
                "password1": (_("Password"), NEW_PASSWORD_HELP),
            },
        )
        _plain(self, "username", "email")


class AddEmailForm(allauth.AddEmailForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _word(self, {"email": (_("E-mail"), _("We send a link to it, to be sure that it is yours."))})


class ChangePasswordForm(allauth.ChangePasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _word(self, {"oldpassword": (_("Present password"), ""), **NEW_PASSWORD_TWICE})


class SetPasswordForm(allauth.SetPasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _word(self, NEW_PASSWORD_TWICE)


class ResetPasswordForm(allauth.ResetPasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _word(self, {"email": (_("E-mail"), "")})
        _plain(self, "email")


class ResetPasswordKeyForm(allauth.ResetPasswordKeyForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _word(self, NEW_PASSWORD_TWICE)


class ReauthenticateForm(allauth.ReauthenticateForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _word(self, {"password": (_("Password"), "")})
