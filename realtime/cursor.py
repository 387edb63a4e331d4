"""Opaque names of positions in a stream."""

import base64
import binascii
import struct
from dataclasses import dataclass

_FORMAT = struct.Struct(">QQQ")


class CursorInvalid(ValueError):
    """The text is no cursor of ours."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a stream: after the event `seq`, which carries `nonce` (the stream's own nonce at 0)."""

    stream_id: int
    seq: int
    nonce: int

    def __str__(self) -> str:
        packed = _FORMAT.pack(self.stream_id, self.seq, self.nonce)
        return base64.urlsafe_b64encode(packed).decode("ascii")

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Read what `str()` wrote.

        Raises:
            CursorInvalid: it is anything else.
        """
        try:
            return cls(*_FORMAT.unpack(base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)))
        except (UnicodeEncodeError, binascii.Error, struct.error) as error:
            raise CursorInvalid(f"expected a cursor of this server, got {text[:40]!r}") from error
