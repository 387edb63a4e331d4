"""What the README says about settings is so."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from chat.drill.parts.databases import ROOT

README = (ROOT / "README.md").read_text()
SETTINGS = (ROOT / "config" / "settings.py").read_text()
# What a process needs from this machine, and nothing of what was set for Todoku.
BARE = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}


def production_example() -> dict[str, str]:
    """The settings of the README's example."""
    match = re.search(r"^```ini\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert match is not None
    return dict(line.split("=", 1) for line in match[1].splitlines())


def manage(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env=BARE | env, capture_output=True, text=True, check=False
    )


def test_the_readme_lists_every_variable_that_settings_read() -> None:
    read = set(re.findall(r'env\.\w+\("([A-Z_]+)"', SETTINGS))
    listed = {
        name
        for row in re.findall(r"^\| (`[A-Z_`, ]+`) \|", README, re.MULTILINE)
        for name in re.findall(r"[A-Z_]+", row)
    }
    assert listed == read


def test_the_production_example_passes_the_deployment_checks() -> None:
    checked = manage("check", "--deploy", "--fail-level", "WARNING", **production_example())
    assert (checked.returncode, checked.stderr) == (0, ""), checked.stdout + checked.stderr


@pytest.mark.parametrize("how", [{"DEBUG": "0"}, {"DATABASE_URL": "postgres://db.example.org/todoku"}])
def test_an_installation_that_is_no_trial_needs_a_secret_key_of_its_own(how: dict[str, str], tmp_path: Path) -> None:
    checked = manage("check", VAR_DIR=str(tmp_path), **how)
    assert checked.returncode != 0
    assert "ImproperlyConfigured: SECRET_KEY is required when DEBUG is off" in checked.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_embedded_installation_makes_its_key_once_for_its_owner_alone(tmp_path: Path) -> None:
    printed = [
        manage(
            "shell", "-v0", "-c", "from django.conf import settings; print(settings.SECRET_KEY)", VAR_DIR=str(tmp_path)
        )
        for _ in range(2)
    ]
    key = (tmp_path / "secret_key").read_text()
    assert [shell.stdout.strip() for shell in printed] == [key, key]
    assert len(key) > 64
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600


def test_debug_pages_are_shown_only_where_they_are_asked_for(tmp_path: Path) -> None:
    code = "from django.conf import settings; print(settings.DEBUG, settings.EMBEDDED)"
    asked = manage("shell", "-v0", "-c", code, VAR_DIR=str(tmp_path), DEBUG="1").stdout.strip()
    not_asked = manage("shell", "-v0", "-c", code, VAR_DIR=str(tmp_path)).stdout.strip()
    assert (asked, not_asked) == ("True True", "False True")


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt", "package-lock.json"])
def test_lock_files_name_no_registry(lock: str) -> None:
    text = (ROOT / lock).read_text()
    links = set(re.findall(r"https?://[^\s\"]+", text))
    # npm notes where a package's authors ask for money.
    funding = set(re.findall(r"\"(?:url|funding)\": \"(https?://[^\"]+)\"", text))
    assert links - funding == set()


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt"])
def test_every_locked_package_has_hashes(lock: str) -> None:
    text = (ROOT / lock).read_text()
    pins = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert [pin for pin in pins if "==" not in pin or "--hash=sha256:" not in pin] == []
