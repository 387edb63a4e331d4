from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from chat.models.ids import random_id
from chat.models.people import User
from realtime import log
from realtime.models import Stream


class Room(models.Model):
    """Where people talk. All that changes in it is an event of `stream`; `messages` are ordered by its seq."""

    class Visibility(models.TextChoices):
        PUBLIC = "PUBLIC", _("public")
        PRIVATE = "PRIVATE", _("private")
        DIRECT = "DIRECT", _("direct")

    id = models.BigIntegerField(primary_key=True, default=random_id, editable=False)
    slug = models.SlugField(_("slug"), max_length=80, unique=True, allow_unicode=True)
    name = models.CharField(_("name"), max_length=80, blank=True, help_text=_("Empty for a direct room."))
    topic = models.CharField(_("topic"), max_length=250, blank=True)
    visibility = models.CharField(_("visibility"), max_length=7, choices=Visibility.choices, default=Visibility.PUBLIC)
    stream = models.OneToOneField(Stream, on_delete=models.PROTECT, editable=False, related_name="+")
    version = models.BigIntegerField(
        default=0, editable=False, help_text="Seq of the last event that changed the room."
    )
    message_count = models.BigIntegerField(_("messages"), default=0, editable=False)
    direct_key = models.CharField(
        max_length=64, unique=True, null=True, editable=False, help_text="Digest of the people of a direct room."
    )
    archived_at = models.DateTimeField(_("archived"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    members: models.ManyToManyField[User, "Membership"] = models.ManyToManyField(
        User, through="Membership", related_name="rooms"
    )

    class Meta:
        verbose_name = _("room")
        verbose_name_plural = _("rooms")

    def __str__(self) -> str:
        return self.name or self.slug

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self.stream_id:
            self.stream = log.open_stream(f"room:{self.pk}")
        super().save(*args, **kwargs)


class Membership(models.Model):
    """One person's standing in one room."""

    class Role(models.TextChoices):
        MEMBER = "MEMBER", _("member")
        MODERATOR = "MODERATOR", _("moderator")
        OWNER = "OWNER", _("owner")

    class Notify(models.TextChoices):
        ALL = "ALL", _("all messages")
        MENTIONS = "MENTIONS", _("mentions")
        NOTHING = "NOTHING", _("nothing")

    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="memberships", db_index=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(_("role"), max_length=9, choices=Role.choices, default=Role.MEMBER)
    notify = models.CharField(_("notifications"), max_length=8, choices=Notify.choices, default=Notify.ALL)
    version = models.PositiveIntegerField(default=1, editable=False)
    last_read_seq = models.BigIntegerField(default=0, editable=False)
    read_message_count = models.BigIntegerField(
        default=0, editable=False, help_text="Room.message_count as it was at last_read_seq."
    )
    mention_count = models.PositiveIntegerField(default=0, editable=False)
    muted_until = models.DateTimeField(_("muted until"), null=True, blank=True)
    joined_at = models.DateTimeField(_("joined"), auto_now_add=True)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints: ClassVar = [models.UniqueConstraint(fields=["room", "user"], name="membership_room_user")]

    def __str__(self) -> str:
        return f"{self.user} in {self.room}"
