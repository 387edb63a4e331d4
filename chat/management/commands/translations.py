"""Keeps the catalogues of translations in step with the words in templates and code, without GNU gettext."""

from argparse import ArgumentParser
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation.template import templatize

SOURCES = ("chat", "config", "realtime", "templates")
LOCALES = Path(settings.BASE_DIR) / "chat" / "locale"
DOMAIN = "django"
# Stands in templates and code itself; its catalogue has only what Django and allauth say less well.
SOURCE_LANGUAGE = "en"
WIDTH = 120

# Which arguments of which functions are words, as Babel writes it.
_SINGULAR = (1,)
_PLURAL = (1, 2)
_IN_CONTEXT = ((1, "c"), 2)
_PLURAL_IN_CONTEXT = ((1, "c"), 2, 3)
KEYWORDS: dict[str, Any] = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop"), _SINGULAR),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), _PLURAL),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), _IN_CONTEXT),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), _PLURAL_IN_CONTEXT),
}


class Command(BaseCommand):
    help = "Bring chat/locale/*/LC_MESSAGES/django.po up to date with the words in templates and code."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="change nothing; fail where something is missing")

    def handle(self, *, check: bool, **options: Any) -> None:
        found = words_in_use()
        lacking: list[str] = []
        for file in sorted(LOCALES.glob(f"*/LC_MESSAGES/{DOMAIN}.po")):
            language = file.parent.parent.name
            wanted = Catalog() if language == SOURCE_LANGUAGE else found
            if not check:
                update(file, wanted)
            lacking += [f"{language}: {fault}" for fault in faults(read(file), wanted)]
        if lacking and check:
            raise CommandError("\n".join(lacking))
        for fault in lacking:
            self.stdout.write(fault)


def words_in_use() -> Catalog:
    """All that templates and code give to gettext."""
    catalogue = Catalog(domain=DOMAIN, charset="utf-8")
    for file in _source_files():
        text = file.read_text(encoding="utf-8")
        path = file.relative_to(settings.BASE_DIR).as_posix()
        code = text if file.suffix == ".py" else templatize(text, origin=path)
        found = extract(
            "python", BytesIO(code.encode()), KEYWORDS, comment_tags=["Translators:"], strip_comment_tags=True
        )
        for _line, words, comments, context in found:
            catalogue.add(words, None, [(path, None)], auto_comments=comments, context=context)  # type: ignore[list-item]
    return catalogue


def _source_files() -> Iterator[Path]:
    for folder in SOURCES:
        for file in sorted((Path(settings.BASE_DIR) / folder).rglob("*")):
            if file.suffix in {".py", ".html", ".txt"} and "migrations" not in file.parts:
                yield file


def read(file: Path) -> Catalog:
    with file.open("rb") as stream:
        return read_po(stream, locale=file.parent.parent.name, domain=DOMAIN, charset="utf-8")


def update(file: Path, found: Catalog) -> None:
    """Add what is new, untranslated, and drop what is gone. Nothing is guessed: no fuzzy entries."""
    catalogue = read(file)
    ours = {_key(message) for message in catalogue if _overrides(message)}
    kept = [message for message in catalogue if _key(message) in ours]
    catalogue.update(found, no_fuzzy_matching=True, update_header_comment=False)
    catalogue.obsolete.clear()
    for message in kept:
        catalogue.add(message.id, message.string, user_comments=message.user_comments, context=message.context)
    # The header stays as it is written: Babel would put dates and empty names into it.
    header = file.read_text(encoding="utf-8").partition("\n\n")[0]
    with file.open("wb") as stream:
        stream.write(f"{header}\n\n".encode())
        write_po(stream, catalogue, width=WIDTH, omit_header=True, include_lineno=False, sort_by_file=True)


def faults(catalogue: Catalog, found: Catalog) -> list[str]:
    """What is not as it should be: missing, untranslated, guessed, no longer in use, or with other placeholders."""
    known = {_key(message): message for message in catalogue if message.id}
    used = {_key(message) for message in found if message.id}
    lacking = [f"not in the catalogue: {key[0]!r}" for key in used - known.keys()]
    for key, message in known.items():
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        if key not in used and not _overrides(message):
            lacking.append(f"no longer in use: {key[0]!r}")
        elif not all(strings):
            lacking.append(f"not translated: {key[0]!r}")
        elif message.fuzzy:
            lacking.append(f"only guessed: {key[0]!r}")
        lacking += [f"{key[0]!r}: {error}" for error in message.check(catalogue) if all(strings)]
    return sorted(lacking)


def _key(message: Message) -> tuple[str, str | None]:
    return (message.id if isinstance(message.id, str) else message.id[0], message.context)


def _overrides(message: Message) -> bool:
    """Words of Django or allauth that we say in our own way: they are in no file of ours."""
    return any("theirs" in comment for comment in message.user_comments)
