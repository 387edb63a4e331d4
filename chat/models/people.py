import hashlib
import secrets
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _

from chat.models.ids import random_id
from realtime import log
from realtime.models import Stream


class User(AbstractUser):
    """A person. Their own concerns (memberships, read markers, the end of a session) are the events of `stream`."""

    id = models.BigIntegerField(primary_key=True, default=random_id, editable=False)
    display_name = models.CharField(_("display name"), max_length=60, blank=True)
    stream = models.OneToOneField(Stream, on_delete=models.PROTECT, editable=False, related_name="+")
    version = models.PositiveIntegerField(default=1, editable=False)
    banned_at = models.DateTimeField(_("banned since"), null=True, blank=True)
    ban_reason = models.CharField(_("reason for the ban"), max_length=200, blank=True)

    # What only the pages of their account and the admin ask for; nothing of it is read on the way of a message.
    OF_THE_ACCOUNT: ClassVar = (
        "password", "email", "first_name", "last_name", "last_login", "date_joined", "banned_at", "ban_reason",
    )  # fmt: skip

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self.stream_id:
            self.stream = log.open_stream(f"user:{self.pk}")
        super().save(*args, **kwargs)

    def __str__(self) -> str:
        return self.shown_name

    @property
    def shown_name(self) -> str:
        return self.display_name or self.username


class ApiToken(models.Model):
    """A key for scripts and bots. Only its digest is kept; the token itself is shown once, when it is made."""

    PREFIX: ClassVar = "tdk_"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(_("name"), max_length=60)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")

    def __str__(self) -> str:
        return f"{self.name} ({self.user})"

    @classmethod
    def generate(cls) -> str:
        return cls.PREFIX + secrets.token_urlsafe(32)

    @staticmethod
    def digest_of(token: str) -> str:
        """SHA-256 in hex: enough for a secret of 256 random bits."""
        return hashlib.sha256(token.encode()).hexdigest()
