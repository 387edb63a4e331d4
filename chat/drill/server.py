"""A server process of a drill: the product's own, with points at which it can be killed and misled.

`python -m chat.drill.server`, with the environment of any Todoku server and the drill's own variables.
"""

import os
import sys
from importlib import import_module
from pathlib import Path

from chat.drill.orders import Orders
from chat.drill.priority import go_as_usual

FOLDER = "DRILL_FOLDER"  # where orders come from and reports go
NUMBER = "DRILL_SERVER"
WITHOUT = "DRILL_WITHOUT"  # fast paths, with commas between them
BUG = "DRILL_BUG"  # a mistake put in on purpose; empty for none


def main() -> int:
    go_as_usual()
    folder, number = Path(os.environ[FOLDER]), int(os.environ[NUMBER])
    # By name: what `chat` imports may not know `config`, which knows it.
    server = import_module("config.server")
    # They stand on Django, which the server has set up.
    from chat.drill.hooks import bugs, clock, commits, disk, kills, slow

    orders = Orders(folder)
    orders.prepare()
    kills.install(orders)
    commits.install(folder / "history.jsonl", number)  # outermost: a commit is on record before anything can kill
    clock.install(orders)
    disk.install(orders)
    for path in filter(None, os.environ.get(WITHOUT, "").split(",")):
        slow.install(path)
    if bug := os.environ.get(BUG):
        bugs.install(bug)
    status: int = server.main()
    return status


if __name__ == "__main__":
    sys.exit(main())
