"""Which operations were carried out: a repeat of one changes nothing and answers with the present state."""

from datetime import datetime, timedelta
from uuid import UUID

from chat.models import Operation, User
from chat.reasons import Reason
from realtime.errors import Conflict

# How long a client may take to repeat an operation.
KEPT_FOR = timedelta(days=30)


def recall(actor: User, op_id: UUID | None, verb: str, *, object_id: object = "") -> str | None:
    """The object of the operation that the actor carried out under `op_id`; None where there was none.

    Args:
        object_id: what the operation is about, where the caller named it; left out where the operation makes it.

    Raises:
        Conflict: under this id the actor did something else.
    """
    if op_id is None:
        return None
    done = Operation.objects.filter(user_id=actor.pk, op_id=op_id).first()
    if done is None:
        return None
    if done.verb != verb or (object_id != "" and done.object_id != str(object_id)):
        raise Conflict("this opId belongs to another operation", reason=Reason.ID_TAKEN, field="opId")
    return done.object_id


def remember(actor: User, op_id: UUID | None, verb: str, *, object_id: object) -> None:
    """Keep that the operation was carried out; must run in the transaction that does it.

    Raises:
        IntegrityError: it was carried out at the same moment; the caller's transaction must not commit.
    """
    if op_id is not None:
        Operation.objects.create(user_id=actor.pk, op_id=op_id, verb=verb, object_id=str(object_id))


def forget_old(*, now: datetime) -> int:
    """Forget the operations that are older than `KEPT_FOR`, and return how many they were."""
    forgotten, _ = Operation.objects.filter(created_at__lt=now - KEPT_FOR).delete()
    return forgotten
