"""The Japanese catalogue: complete, and in step with the words in templates and code."""

from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from django.core.management import call_command
from django.core.management.base import CommandError

from chat.management.commands import translations

JAPANESE = translations.LOCALES / "ja" / "LC_MESSAGES" / "django.po"


def test_every_word_is_translated_and_none_is_guessed() -> None:
    call_command("translations", check=True)


def test_words_are_found_in_templates_and_in_code() -> None:
    found = translations.words_in_use()
    from_template, from_code = (
        found.get("What you send arrives."),
        found.get("At least 8 characters, and not one that is easy to guess."),
    )
    assert from_template is not None
    assert [path for path, _line in from_template.locations] == ["templates/home/page.html"]
    assert from_code is not None
    assert [path for path, _line in from_code.locations] == ["chat/pages/account_forms.py"]
    plural = found.get("%(count)s member")
    assert plural is not None
    assert plural.id == ("%(count)s member", "%(count)s members")


def catalogue(po: str, tmp_path: Path) -> Catalog:
    folder = tmp_path / "ja" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    file = folder / "django.po"
    file.write_text(f'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n\n{po}', encoding="utf-8")
    return translations.read(file)


@pytest.mark.parametrize(
    ("po", "fault"),
    [
        ("", "not in the catalogue: 'Hello %(name)s'"),
        ('msgid "Hello %(name)s"\nmsgstr ""', "not translated: 'Hello %(name)s'"),
        ('#, fuzzy\nmsgid "Hello %(name)s"\nmsgstr "%(name)sさん"', "only guessed: 'Hello %(name)s'"),
        ('#, python-format\nmsgid "Hello %(name)s"\nmsgstr "%(nome)sさん"', "'Hello %(name)s': "),
        ('msgid "Hello %(name)s"\nmsgstr "%(name)sさん"\n\nmsgid "Bye"\nmsgstr "では"', "no longer in use: 'Bye'"),
    ],
)
def test_a_fault_of_a_catalogue_is_named(po: str, fault: str, tmp_path: Path) -> None:
    found = Catalog()
    found.add("Hello %(name)s")
    [named] = translations.faults(catalogue(po, tmp_path), found)
    assert named.startswith(fault)


def test_a_whole_catalogue_has_no_fault(tmp_path: Path) -> None:
    found = Catalog()
    found.add("Hello %(name)s")
    whole = 'msgid "Hello %(name)s"\nmsgstr "%(name)sさん"\n\n# theirs (Django)\nmsgid "Bye"\nmsgstr "では"'
    assert translations.faults(catalogue(whole, tmp_path), found) == []


def test_bringing_a_catalogue_up_to_date_keeps_what_is_translated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue(
        'msgid "Kept"\nmsgstr "残す"\n\nmsgid "Gone"\nmsgstr "消える"\n\n# theirs\nmsgid "Bye"\nmsgstr "では"', tmp_path
    )
    found = Catalog()
    found.add("Kept")
    found.add("Added")
    monkeypatch.setattr(translations, "LOCALES", tmp_path)
    monkeypatch.setattr(translations, "words_in_use", lambda: found)
    call_command("translations")
    after = translations.read(tmp_path / "ja" / "LC_MESSAGES" / "django.po")
    assert {message.id: message.string for message in after if message.id} == {
        "Kept": "残す",
        "Added": "",
        "Bye": "では",
    }
    with pytest.raises(CommandError, match="not translated: 'Added'"):
        call_command("translations", check=True)
