"""Message text to HTML: a subset of Markdown, then a sanitiser that lets through what the subset makes and no more."""

import re
from dataclasses import dataclass

import nh3
from linkify_it import LinkifyIt
from linkify_it.main import Match
from markdown_it import MarkdownIt
from markdown_it.common.utils import isMdAsciiPunct, isPunctChar, isWhiteSpace
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Scanned
from markdown_it.token import Token
from markdown_it.utils import EnvType

ALLOWED_ELEMENTS = {"p", "br", "em", "strong", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a"}
# "*": nh3 would let `title` and `lang` through on every element.
ALLOWED_ATTRIBUTES: dict[str, set[str]] = {"*": set(), "a": {"href"}, "code": {"class"}, "ol": {"start"}}
ALLOWED_SCHEMES = {"http", "https", "mailto"}
LINK_REL = "nofollow noopener noreferrer ugc"
LINK_TARGET = "_blank"

_LANGUAGE = re.compile(r"language-[A-Za-z0-9+#._-]{1,30}\Z")
_DROPPED_RULES = ["heading", "lheading", "hr", "html_block", "html_inline", "image", "reference", "code"]
# Scripts that put no blanks between words.
_UNSPACED = re.compile(
    "[\u1100-\u11ff\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff"
    "\ufe30-\ufe4f\uff00-\uffef\U0001aff0-\U0001b16f\U0001f200-\U0001f2ff\U00020000-\U0003fffd]"
)
# Full-width brackets, quotes, commas and stops: there a sentence goes on or ends, no address.
_ADDRESS_END = re.compile(
    "[\u3000-\u3003\u3008-\u3011\u3014-\u301f\uff01\uff08\uff09\uff0c\uff1a\uff1b\uff1f\uff3b\uff3d]"
)


def render(body: str) -> str:
    """The text as sanitised HTML that may be put into any page."""
    return _cleaner.clean(_markdown.render(body)).strip()


def _is_address(url: str) -> bool:
    """Whether it is a whole address with an allowed scheme: relative ones would lead into pages of our own."""
    scheme, colon, rest = url.partition(":")
    return bool(colon and rest) and scheme.lower() in ALLOWED_SCHEMES


def _kept_attribute(element: str, attribute: str, value: str) -> str | None:
    if attribute == "href":
        return value if _is_address(value) else None
    if element == "code" and attribute == "class":
        return value if _LANGUAGE.match(value) else None
    if element == "ol" and attribute == "start":
        return value if value.isascii() and value.isdecimal() else None
    return value


_cleaner = nh3.Cleaner(
    tags=ALLOWED_ELEMENTS,
    attributes=ALLOWED_ATTRIBUTES,
    attribute_filter=_kept_attribute,
    url_schemes=ALLOWED_SCHEMES,
    link_rel=LINK_REL,
    set_tag_attribute_values={"a": {"target": LINK_TARGET}},
    strip_comments=True,
)


class _UnspacedEmphasis(StateInline):
    """Finds where emphasis begins and ends also in scripts that write no blanks between words.

    CommonMark wants a blank or punctuation beside `**` where its inner neighbour is punctuation, so that
    `**「重要」**です` stays plain text. Here punctuation of such a script counts as a letter, and any character of it
    does as well as a blank: the rule of https://github.com/tats-u/markdown-cjk-friendly.
    """

    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:  # noqa: N802, N803  (the library's names)
        length = super().scanDelims(start, canSplitWord).length
        before = _Neighbour.of(self.src[start - 1] if start > 0 else " ")
        after = _Neighbour.of(self.src[start + length] if start + length < self.posMax else " ")
        may_open = not after.blank and (not after.punctuation or before.parts)
        may_close = not before.blank and (not before.punctuation or after.parts)
        return Scanned(
            may_open and (canSplitWord or not may_close or before.punctuation),
            may_close and (canSplitWord or not may_open or after.punctuation),
            length,
        )


@dataclass(frozen=True, slots=True)
class _Neighbour:
    """What a character beside a delimiter run is to it."""

    blank: bool
    punctuation: bool
    unspaced: bool

    @property
    def parts(self) -> bool:
        """Whether emphasis may begin or end here even where its inner neighbour is punctuation."""
        return self.blank or self.punctuation or self.unspaced

    @classmethod
    def of(cls, char: str) -> "_Neighbour":
        unspaced = _UNSPACED.match(char) is not None
        punctuation = not unspaced and (isMdAsciiPunct(ord(char)) or isPunctChar(char))
        return cls(isWhiteSpace(ord(char)), punctuation, unspaced)


class _InlineParser(ParserInline):
    def parse(self, src: str, md: MarkdownIt, env: EnvType, tokens: list[Token]) -> list[Token]:
        state = _UnspacedEmphasis(src, md, env, tokens)
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


class _Addresses(LinkifyIt):
    """Finds addresses in running text; they end where Japanese or Chinese punctuation begins."""

    def match(self, text: str) -> list[Match] | None:
        found = super().match(text)
        return [_ended(match) for match in found] if found else None

    def match_at_start(self, text: str) -> Match | None:
        found = super().match_at_start(text)
        return _ended(found) if found else None


def _ended(match: Match) -> Match:
    end = _ADDRESS_END.search(match.text)
    if end is not None:
        surplus = len(match.text) - end.start()
        match.text, match.raw, match.url = match.text[:-surplus], match.raw[:-surplus], match.url[:-surplus]
        match.last_index -= surplus
    return match


def _parser() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False, "linkify": True, "breaks": True})
    markdown.inline = _InlineParser()
    markdown.enable(["linkify", "strikethrough"])
    markdown.disable(_DROPPED_RULES)
    markdown.validateLink = _is_address  # type: ignore[method-assign]  # the library's way to set it
    # Only what is surely meant as an address: "see main.py" or "node.js" is none.
    markdown.linkify = _Addresses(options={"fuzzy_link": False, "fuzzy_ip": False, "fuzzy_email": True})
    return markdown


_markdown = _parser()
