from typing import ClassVar

from django.db import models

from chat.models.people import User


class Operation(models.Model):
    """An `opId` that was carried out: a late repeat changes nothing. Kept for 30 days."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
    op_id = models.UUIDField()
    verb = models.CharField(max_length=32)
    object_id = models.CharField(max_length=40, blank=True, help_text="What it made, where the answer needs it.")
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "op_id"], name="operation_user_op_id")]

    def __str__(self) -> str:
        return f"{self.verb} {self.op_id}"
