"""The icons: all that templates and scripts ask for are in the sprite, and nothing else is."""

import re
from pathlib import Path

from django.conf import settings

ROOT = Path(settings.BASE_DIR)


def in_the_sprite() -> set[str]:
    return set(re.findall(r'<symbol id="([\w-]+)"', (ROOT / "static" / "icons" / "sprite.svg").read_text()))


def in_use() -> set[str]:
    names = set()
    for file in (ROOT / "templates").rglob("*.html"):
        text = file.read_text()
        names |= set(re.findall(r'{% icon "([\w-]+)"', text))
        for use in re.findall(r"<use [^>]*>", text):
            names |= set(re.findall(r"#([a-z][\w-]*)", use)) | set(re.findall(r"%}([a-z][\w-]*){%", use))
    for file in (ROOT / "static" / "src").glob("*.ts"):
        names |= set(re.findall(r'"#?([a-z][a-z0-9-]*)"', file.read_text())) & in_the_sprite()
    return names


def test_the_sprite_holds_the_icons_in_use_and_no_other() -> None:
    assert in_the_sprite() == in_use()
