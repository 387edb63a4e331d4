"""What `docs/protocol.md` says of codes and reasons is what the code knows."""

import re

from chat.drill.parts.databases import ROOT
from realtime import errors
from realtime.closing import CloseCode
from realtime.payloads import ResetReason

TEXT = (ROOT / "docs" / "protocol.md").read_text()
OF_WEBSOCKETS = {1002, 1007, 1009}  # autobahn's own
FIRST_CELL = re.compile(r"^\| ([^|]+) \|", re.MULTILINE)

CELLS = FIRST_CELL.findall(TEXT)


def test_every_close_code_is_explained_and_no_other() -> None:
    explained = {int(code) for cell in CELLS for code in re.findall(r"\b[14]\d{3}\b", cell)}
    assert explained == {int(code) for code in CloseCode} | OF_WEBSOCKETS


def test_every_reason_of_a_reset_is_explained() -> None:
    assert {cell.strip("`") for cell in CELLS} >= {reason.value for reason in ResetReason}


def test_every_error_code_is_explained() -> None:
    refusals = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.Refusal)]
    codes = {kind.code for kind in refusals if kind is not errors.Refusal}
    assert codes
    assert {word for cell in CELLS for word in re.findall(r"`(\w+)`", cell)} >= codes | {"INTERNAL_SERVER_ERROR"}
