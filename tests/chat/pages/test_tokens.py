"""The colours of static/styles/tokens.css: enough contrast in the light and in the dark."""

import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

TOKENS = Path(settings.BASE_DIR) / "static" / "styles" / "tokens.css"
PAIR = re.compile(r"--([\w-]+):\s*light-dark\(oklch\(([^)/]*)\),\s*oklch\(([^)/]*)\)\);")

GROUNDS = ("paper", "paper-sunken", "paper-raised", "paper-hover", "paper-chosen")
TEXTS = ("ink", "ink-soft", "ink-faint", "link", "seal", "good")

# WCAG 2.2, success criteria 1.4.3 and 1.4.11.
TEXT_CONTRAST = 4.5
CONTROL_CONTRAST = 3.0

Rgb = tuple[float, float, float]


def colours() -> dict[str, dict[str, Rgb]]:
    """All colours by scheme and name, as linear sRGB."""
    found: dict[str, dict[str, Rgb]] = {"light": {}, "dark": {}}
    for name, light, dark in PAIR.findall(TOKENS.read_text()):
        found["light"][name], found["dark"][name] = linear(light), linear(dark)
    return found


def linear(oklch: str) -> Rgb:
    """Björn Ottosson's OKLab (https://bottosson.github.io/posts/oklab/) to linear sRGB."""
    lightness, chroma, hue = oklch.split()
    big_l, c, h = float(lightness.removesuffix("%")) / 100, float(chroma), math.radians(float(hue))
    a, b = c * math.cos(h), c * math.sin(h)
    l_ = (big_l + 0.3963377774 * a + 0.2158037573 * b) ** 3
    m_ = (big_l - 0.1055613458 * a - 0.0638541728 * b) ** 3
    s_ = (big_l - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * l_ - 3.3077115913 * m_ + 0.2309699292 * s_,
        -1.2684380046 * l_ + 2.6097574011 * m_ - 0.3413193965 * s_,
        -0.0041960863 * l_ - 0.7034186147 * m_ + 1.7076147010 * s_,
    )


def contrast(one: Rgb, other: Rgb) -> float:
    def luminance(colour: Rgb) -> float:
        red, green, blue = (min(1.0, max(0.0, part)) for part in colour)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    darker, lighter = sorted([luminance(one), luminance(other)])
    return (lighter + 0.05) / (darker + 0.05)


def pairs() -> Iterator[tuple[str, str, float]]:
    for ground in GROUNDS:
        for text in TEXTS:
            yield text, ground, TEXT_CONTRAST
        yield "line-strong", ground, CONTROL_CONTRAST
    yield "seal", "seal-ground", TEXT_CONTRAST
    yield "ink", "seal-ground", TEXT_CONTRAST
    yield "ink", "selection", TEXT_CONTRAST
    yield "on-seal", "seal", TEXT_CONTRAST
    yield "on-link", "link", TEXT_CONTRAST
    yield "paper", "ink", TEXT_CONTRAST
    yield "paper", "ink-soft", TEXT_CONTRAST


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground", "least"), list(pairs()))
def test_what_is_read_or_operated_stands_out_from_its_ground(scheme: str, text: str, ground: str, least: float) -> None:
    palette = colours()[scheme]
    assert round(contrast(palette[text], palette[ground]), 2) >= least


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_colour_is_one_that_screens_have(scheme: str) -> None:
    beyond = {
        name: colour
        for name, colour in colours()[scheme].items()
        if not all(-0.001 <= part <= 1.001 for part in colour)
    }
    assert not beyond


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("hue", [272, 317, 2, 47, 92, 137, 182, 227])
def test_initials_stand_out_from_their_avatars(scheme: str, hue: int) -> None:
    css = (TOKENS.parent / "avatar.css").read_text()
    assert f"--hue: {hue};" in css
    [ground] = re.findall(r"background: light-dark\(oklch\((.*?) var\(--hue\)\), oklch\((.*?) var\(--hue\)\)\)", css)
    [letter] = re.findall(r"\bcolor: light-dark\(oklch\((.*?) var\(--hue\)\), oklch\((.*?) var\(--hue\)\)\)", css)
    at = 0 if scheme == "light" else 1
    assert contrast(linear(f"{ground[at]} {hue}"), linear(f"{letter[at]} {hue}")) >= TEXT_CONTRAST


def test_the_measure_knows_black_white_and_a_colour_between() -> None:
    assert round(contrast(linear("0% 0 0"), linear("100% 0 0")), 1) == 21.0
    # #767676, the lightest grey that passes on white.
    assert contrast(linear("56.6% 0 0"), linear("100% 0 0")) == pytest.approx(4.54, abs=0.05)


def test_style_sheets_take_their_colours_from_the_tokens_alone() -> None:
    sheets = [sheet for sheet in TOKENS.parent.glob("*.css") if sheet.name not in {"tokens.css", "avatar.css"}]
    assert sheets
    for sheet in sheets:
        assert not re.findall(r"#[0-9a-f]{3,8}\b|\b(?:rgb|hsl|oklch)a?\(", sheet.read_text()), sheet.name
