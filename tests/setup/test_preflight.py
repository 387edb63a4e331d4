"""What `make run` says before anything slow begins."""

import os
import socket
import subprocess

from chat.drill.parts.databases import ROOT


def test_a_port_in_use_gives_one_clear_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = subprocess.run(
            ["make", "--no-print-directory", "run", f"PORT={port}"],
            cwd=ROOT,
            env=dict(os.environ),
            capture_output=True,
            text=True,
            check=False,
        )
    assert ended.returncode != 0
    assert ended.stdout == ""
    said = [line for line in ended.stderr.splitlines() if not line.startswith("make")]
    assert said == [f"Port {port} on 127.0.0.1 is in use. Choose another one: make run PORT={port + 1}"]
