"""The log's two tables. Only `realtime.log` writes to them."""

import secrets
from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from realtime.cursor import Cursor


def new_nonce() -> int:
    """63 random bits: tells an event from another one that took its seq after a restore."""
    return secrets.randbits(63)


class Stream(models.Model):
    """One ordered log: its narrow row is the counter, and the lock that orders the commits."""

    key = models.CharField(max_length=64, unique=True, help_text="What it is the log of, e.g. room:42.")
    last_seq = models.BigIntegerField(default=0)
    nonce = models.BigIntegerField(
        default=new_nonce, help_text="Of the event at last_seq; of the stream itself before its first event."
    )

    last_at = models.DateTimeField(
        default=timezone.now, help_text="When the last event was; the next is never earlier."
    )

    class Meta:
        verbose_name = _("stream")
        verbose_name_plural = _("streams")

    def __str__(self) -> str:
        return self.key

    @property
    def cursor(self) -> Cursor:
        """Where the stream ends: nothing has come after it yet."""
        return Cursor(self.pk, self.last_seq, self.nonce)


class Event(models.Model):
    """That something changed: what, by whom and which object. It carries no words; the object does."""

    # Without an index of its own: the constraint's begins with it, and each one costs every append.
    stream = models.ForeignKey(Stream, on_delete=models.CASCADE, related_name="events", db_index=False)
    seq = models.BigIntegerField()
    nonce = models.BigIntegerField(default=new_nonce)
    kind = models.CharField(max_length=32)
    actor_id = models.BigIntegerField(null=True)
    object_id = models.CharField(max_length=40)
    detail = models.JSONField(
        default=dict, blank=True, help_text="Small facts of the change itself (an emoji, a role); never text of people."
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        constraints: ClassVar = [models.UniqueConstraint(fields=["stream", "seq"], name="event_stream_seq")]

    def __str__(self) -> str:
        return f"{self.stream_id}#{self.seq} {self.kind}"

    @property
    def cursor(self) -> Cursor:
        """The place right after this event."""
        return Cursor(self.stream_id, self.seq, self.nonce)
