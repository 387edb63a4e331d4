"""What must hold, one promise a file: a history goes in, an `Outcome` comes out, and nothing else happens."""

from chat.drill.checks import (
    fifo,
    gapless,
    in_time,
    liveness,
    no_duplicate,
    no_loss,
    one_order,
    real_time,
    shut_out,
    state,
)
from chat.drill.checks.outcome import Outcome
from chat.drill.history import History

CHECKS = (no_loss, no_duplicate, gapless, one_order, state, fifo, real_time, shut_out, in_time, liveness)

__all__ = ["CHECKS", "Outcome", "check"]


def check(history: History) -> list[Outcome]:
    """Each promise held against the history, in the order of the guarantee's list."""
    return [promise.check(history) for promise in CHECKS]
