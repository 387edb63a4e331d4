"""Fresh, migrated databases: each is a copy of one that was migrated once."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from chat.drill.parts.failure import PartFailedError
from chat.drill.parts.postgres import Postgres

ROOT = Path(__file__).resolve().parents[3]


def environment(*, var: Path, database_url: str, **more: str) -> dict[str, str]:
    """The environment of a Todoku process that shares nothing with the developer's own installation."""
    installation = {"DEBUG": "1", "VAR_DIR": str(var), "DATABASE_URL": database_url, "CHANNEL_LAYER_URL": "memory://"}
    inherited = {name: value for name, value in os.environ.items() if name not in {"SECRET_KEY", "ALLOWED_HOSTS"}}
    return inherited | installation | {"DJANGO_SETTINGS_MODULE": "config.settings"} | more


def manage(*arguments: str, env: dict[str, str]) -> str:
    """Run `manage.py` and return what it printed.

    Raises:
        PartFailedError: it ended with an error; the message has its output.
    """
    ended = subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise PartFailedError(f"manage.py {' '.join(arguments)}:\n{ended.stdout}{ended.stderr}")
    return ended.stdout


@dataclass(slots=True)
class SqliteDatabases:
    """Databases in files, in WAL mode."""

    folder: Path
    _made: int = 0

    def create(self) -> str:
        """The URL of a fresh database."""
        template = self.folder / "template.sqlite3"
        if not template.exists():
            # Another name until it is complete: a failed migration leaves no template behind.
            draft = self.folder / "draft.sqlite3"
            manage("migrate", "--verbosity", "0", env=environment(var=self.folder, database_url=f"sqlite:///{draft}"))
            draft.rename(template)
        self._made += 1
        copy = self.folder / f"{self._made}.sqlite3"
        shutil.copyfile(template, copy)
        return f"sqlite:///{copy}"


@dataclass(slots=True)
class PostgresDatabases:
    """Databases of one PostgreSQL server."""

    folder: Path
    postgres: Postgres
    _template: str | None = None
    _made: list[str] = field(default_factory=list)

    def create(self) -> str:
        """The URL of a fresh database."""
        if self._template is None:
            template = self._create(None)
            url = self.postgres.url_of(template)
            manage("migrate", "--verbosity", "0", env=environment(var=self.folder, database_url=url))
            self._template = template
        return self.postgres.url_of(self._create(self._template))

    def drop_all(self) -> None:
        """Remove every database that was made here."""
        for name in self._made:
            self.postgres.drop_database(name)

    def _create(self, template: str | None) -> str:
        name = self.postgres.create_database(template=template)
        self._made.append(name)
        return name
