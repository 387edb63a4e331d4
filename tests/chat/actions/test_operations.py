"""What is remembered of operations, and for how long."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from chat.actions.operations import KEPT_FOR, forget_old
from chat.actions.rooms import join_room
from chat.models import Operation
from tests.chat.actions.arranging import person, room

pytestmark = pytest.mark.django_db


def test_operations_are_forgotten_when_nobody_can_want_to_repeat_them() -> None:
    place, member = room(), person()
    for _ in range(2):
        join_room(place.pk, actor=member, op_id=uuid4())
    old, recent = Operation.objects.order_by("pk")
    now = timezone.now()
    Operation.objects.filter(pk=old.pk).update(created_at=now - KEPT_FOR - timedelta(seconds=1))
    Operation.objects.filter(pk=recent.pk).update(created_at=now - KEPT_FOR + timedelta(seconds=1))
    assert forget_old(now=now) == 1
    assert Operation.objects.get() == recent
