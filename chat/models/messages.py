import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat.models.people import User
from chat.models.rooms import Room


class Message(models.Model):
    """What somebody said. Its key is the client's; its place in the room is `seq`, that of the event that sent it."""

    class Status(models.TextChoices):
        STORED = "STORED", _("stored")
        HELD = "HELD", _("held")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Indexes of their own would repeat the first column of those below.
    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="messages", db_index=False)
    author = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="messages")
    status = models.CharField(_("status"), max_length=6, choices=Status.choices, default=Status.STORED)
    seq = models.BigIntegerField(null=True, editable=False, help_text="None while it is held.")
    number = models.BigIntegerField(null=True, editable=False, help_text="The how manieth message of the room it is.")
    version = models.BigIntegerField(default=0, editable=False, help_text="Seq of the last event that changed it.")
    body = models.TextField(_("text"), blank=True)
    body_html = models.TextField(blank=True, editable=False, help_text="`body` rendered and sanitised.")
    reply_to = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="replies")
    thread_root = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="thread", db_index=False
    )
    created_at = models.DateTimeField(_("sent"), default=timezone.now, editable=False)
    edited_at = models.DateTimeField(_("edited"), null=True, blank=True, editable=False)
    deleted_at = models.DateTimeField(_("deleted"), null=True, blank=True, editable=False)
    digest_salt = models.BinaryField(max_length=16, default=b"", editable=False)
    digest = models.BinaryField(
        max_length=32,
        default=b"",
        editable=False,
        help_text="Of the first text and reply: tells a repeated send from another one. Erased with the text.",
    )

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["room", "seq"], name="message_room_seq"),
            models.UniqueConstraint(fields=["room", "number"], name="message_room_number"),
            models.CheckConstraint(
                condition=Q(status="HELD", seq__isnull=True) | Q(status="STORED", seq__isnull=False),
                name="message_held_has_no_seq",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["thread_root", "seq"], name="message_thread"),
            models.Index(fields=["created_at"], name="message_created"),  # for the admin's list of all rooms
        ]

    def __str__(self) -> str:
        return f"{self.room_id}#{self.seq}"


class Reaction(models.Model):
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="reactions", db_index=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    emoji = models.CharField(_("emoji"), max_length=32)
    created_at = models.DateTimeField(_("added"), auto_now_add=True)

    class Meta:
        verbose_name = _("reaction")
        verbose_name_plural = _("reactions")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["message", "user", "emoji"], name="reaction_message_user_emoji")
        ]

    def __str__(self) -> str:
        return f"{self.emoji} {self.user}"
