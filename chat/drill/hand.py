"""The drill's side of its steward: requests to that process, one after the other."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Any

from chat.drill.parts.databases import ROOT

ANSWER_LIMIT_BYTES = 256 * 1024 * 1024
ANSWER_LIMIT_S = 60.0


class StewardFailed(Exception):
    """It could not do what was asked, or has ended; the message says why."""


class Steward:
    """Makes, changes and reads what the installation has, whatever state its servers are in."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._turn = asyncio.Lock()

    @classmethod
    async def start(cls, env: dict[str, str], errors: Path) -> "Steward":
        """`env`: that of the drilled servers. What it complains of goes to the file `errors`."""
        with await asyncio.to_thread(errors.open, "ab") as output:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "chat.drill.steward"),
                cwd=ROOT,
                env=env,
                stdin=PIPE,
                stdout=PIPE,
                stderr=output,
                limit=ANSWER_LIMIT_BYTES,
                start_new_session=True,
            )
        return cls(process)

    async def do(self, task: str, *, database: str | None = None, **given: Any) -> Any:
        """Have one of the steward's tasks done; on another database where `database` names one.

        Raises:
            StewardFailed: it wasn't.
        """
        elsewhere = {} if database is None else {"database": database}
        request = json.dumps({"do": task, **elsewhere, **given}) + "\n"
        async with self._turn, asyncio.timeout(ANSWER_LIMIT_S):
            if self._process.stdin is None or self._process.stdout is None:
                raise StewardFailed("the steward has no pipes")
            self._process.stdin.write(request.encode())
            line = await self._process.stdout.readline()
        if not line:
            raise StewardFailed("the steward has ended")
        answer = await asyncio.to_thread(json.loads, line)
        if "failed" in answer:
            raise StewardFailed(f"{task}: {answer['failed']}")
        return answer["done"]

    async def insist(self, task: str, **given: Any) -> Any:
        """`do`, again and again while the database is away."""
        while True:
            try:
                return await self.do(task, **given)
            except StewardFailed:
                if self._process.returncode is not None:
                    raise
                await asyncio.sleep(0.25)

    async def stop(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
