"""The names of the points at which a server can be killed, and of the other orders that it takes."""

BEFORE_COMMIT = "before-commit"
AFTER_COMMIT = "after-commit"
AFTER_HINT = "after-hint"
MID_FAN_OUT = "mid-fan-out"

CLOCK = "clock"
DISK_FULL = "disk-full"
