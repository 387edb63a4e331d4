"""What counts as one emoji."""

import emoji

from chat.reasons import Reason
from realtime.errors import BadUserInput

_PRESENTATION = "\ufe0f"


def one_emoji(text: str) -> str:
    """The emoji in its fully qualified form, so that ❤ typed without its variation selector is no second kind of ❤️.

    Raises:
        BadUserInput: it is not exactly one emoji of Unicode's list.
    """
    qualified = _QUALIFIED.get(text.replace(_PRESENTATION, ""))
    if qualified is None or text not in emoji.EMOJI_DATA:
        raise BadUserInput("expected exactly one emoji", reason=Reason.EMOJI_INVALID, field="emoji")
    return qualified


# Without the lone skin tones and hair styles, which are parts and no emoji.
_QUALIFIED = {
    text.replace(_PRESENTATION, ""): text
    for text, known in emoji.EMOJI_DATA.items()
    if known["status"] == emoji.STATUS["fully_qualified"]
}
