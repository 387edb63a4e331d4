"""Refusals: what a client may be told, each with one `extensions.code`."""


class Refusal(Exception):
    """Something was not done, and the client is told why.

    Args:
        message: plain English for developers.
        reason: stable word for the exact cause (BODY_TOO_LONG); pages translate it.
        field: the input field at fault, as the client spelled it.
        retry_after: seconds after which it makes sense to try again.
    """

    code = "INTERNAL_SERVER_ERROR"

    def __init__(
        self, message: str, *, reason: str | None = None, field: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.field = field
        self.retry_after = retry_after

    @property
    def extensions(self) -> dict[str, object]:
        """What GraphQL's `extensions` carry of it."""
        known = {"code": self.code, "reason": self.reason, "field": self.field, "retryAfter": self.retry_after}
        return {name: value for name, value in known.items() if value is not None}


class Unauthenticated(Refusal):
    code = "UNAUTHENTICATED"


class Forbidden(Refusal):
    code = "FORBIDDEN"


class NotFound(Refusal):
    code = "NOT_FOUND"


class BadUserInput(Refusal):
    code = "BAD_USER_INPUT"


class Conflict(Refusal):
    code = "CONFLICT"


class RateLimited(Refusal):
    code = "RATE_LIMITED"

    def __init__(self, message: str, *, reason: str, retry_after: float = 1.0) -> None:
        super().__init__(message, reason=reason, retry_after=retry_after)


class TooComplex(Refusal):
    code = "TOO_COMPLEX"
