"""What breaks in a drill, one fault a file; `FAULTS` has them by name."""

from chat.drill.faults import (
    browsers,
    clock,
    cut,
    cut_inside,
    database,
    disk,
    drain,
    kill,
    layer,
    pause,
    readers,
    restore,
    same_id,
    silence,
)
from chat.drill.faults.fault import Kind

KILLS = kill.KILLS

_ALL = (
    *KILLS,
    drain.KIND,
    pause.KIND,
    clock.KIND,
    disk.KIND,
    restore.KIND,
    database.LOCKED,
    database.RESTARTED,
    database.TERMINATED,
    database.CROWDED,
    *layer.KINDS,
    cut.KIND,
    cut_inside.KIND,
    silence.HALF_OPEN,
    silence.DEAF,
    readers.STOPS_READING,
    readers.SLOW_READER,
    browsers.FROZEN,
    browsers.OFFLINE,
    same_id.KIND,
)

FAULTS: dict[str, Kind] = {kind.name: kind for kind in _ALL}
