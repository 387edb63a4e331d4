"""What stands in a page many times: words that are translated once, icons whose address is found once.

`{% load i18n words %}` puts this `translate` in the place of Django's, for words without variables: each of those asks
the catalogue anew, 350 times for a page of 50 messages, which was a fifth of its time.
"""

from functools import lru_cache
from typing import Any

from django import template
from django.core.files.storage import Storage, storages
from django.template.base import Node, Parser, Token, Variable
from django.template.context import Context
from django.templatetags.i18n import TranslateNode, do_translate
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

register = template.Library()


class Word(Node):
    """A translation, kept for each language."""

    def __init__(self, translating: TranslateNode) -> None:
        self._translating = translating
        self._known: dict[str | None, str] = {}

    def render(self, context: Context) -> str:
        language = get_language()
        known = self._known.get(language)
        if known is None:
            known = self._known[language] = self._translating.render(context)
        return known


@register.tag
def translate(parser: Parser, token: Token) -> Node:
    """Django's tag of this name; a word that is always the same is asked for once."""
    node: Any = do_translate(parser, token)
    asked = node.filter_expression
    same = isinstance(asked.var, Variable) and asked.var.literal is not None and not asked.filters
    return Word(node) if same and node.asvar is None and node.message_context is None else node


@register.simple_tag
def sprite() -> str:
    """The address of the file that has the icons."""
    return _sprite(storages["staticfiles"])


@lru_cache(maxsize=8)
def _sprite(storage: Storage) -> str:
    return storage.url("icons/sprite.svg")


@register.simple_tag
def icon(name: str, css: str = "") -> SafeString:
    """An icon that says nothing to who doesn't see it."""
    return _icon(sprite(), name, css)


@lru_cache(maxsize=200)
def _icon(address: str, name: str, css: str) -> SafeString:
    drawing = (
        '<svg class="icon{}" width="20" height="20" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>'
    )
    return format_html(drawing, f" {css}" if css else "", address, name)
