"""Message text to HTML: what people expect of it, and that nothing else gets through."""

import time
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.rendering import ALLOWED_ELEMENTS, ALLOWED_SCHEMES, LINK_REL, render
from tests.chat.xss_vectors import VECTORS

LINK = f'target="_blank" rel="{LINK_REL}"'


class Audit(HTMLParser):
    """Notes whatever a page must never get from a message."""

    def __init__(self) -> None:
        super().__init__()
        self.trespasses: list[str] = []
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ALLOWED_ELEMENTS:
            self.trespasses.append(f"<{tag}>")
        given = dict(attrs)
        allowed = {"a": {"href", "rel", "target"}, "code": {"class"}, "ol": {"start"}}.get(tag, set())
        self.trespasses += [f"<{tag} {name}>" for name in given if name not in allowed]
        if tag == "a":
            self._check_link(given)
        if tag == "code" and not (given.get("class") or "language-x").startswith("language-"):
            self.trespasses.append(f"class {given['class']!r}")

    def _check_link(self, given: dict[str, str | None]) -> None:
        href = given.get("href")
        if href is not None and urlsplit(href).scheme.lower() not in ALLOWED_SCHEMES:
            self.trespasses.append(f"href {href!r}")
        if (given.get("rel"), given.get("target")) != (LINK_REL, "_blank"):
            self.trespasses.append(f"a link with rel {given.get('rel')!r} and target {given.get('target')!r}")

    def handle_data(self, data: str) -> None:
        self.words += data

    def handle_comment(self, data: str) -> None:
        self.trespasses.append("a comment")

    def handle_decl(self, decl: str) -> None:
        self.trespasses.append("a declaration")

    def handle_pi(self, data: str) -> None:
        self.trespasses.append("a processing instruction")

    def unknown_decl(self, data: str) -> None:
        self.trespasses.append("an unknown declaration")


def trespasses(html: str) -> list[str]:
    audit = Audit()
    audit.feed(html)
    audit.close()
    return audit.trespasses


@pytest.mark.parametrize("vector", VECTORS)
def test_known_attacks_stay_words(vector: str) -> None:
    for text in (vector, f"Hello {vector} there", f"> {vector}\n\n- {vector}", f"[{vector}](https://a.example)"):
        assert trespasses(render(text)) == []


def test_the_audit_would_find_the_attacks() -> None:
    found = [vector for vector in VECTORS if trespasses(vector)]
    assert len(found) > 60


@given(st.text(alphabet=st.sampled_from(list("<>\"'`*_~[]()!#&;:/=-\n\\ ajsx1届「」")), max_size=80))
@settings(max_examples=400)
def test_no_text_gets_anything_but_the_allowed_through(text: str) -> None:
    assert trespasses(render(text)) == []


@given(st.lists(st.sampled_from(VECTORS), min_size=2, max_size=3), st.sampled_from(["", " ", "\n", "\n\n"]))
def test_attacks_put_together_stay_words(vectors: list[str], between: str) -> None:
    assert trespasses(render(between.join(vectors))) == []


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("Hello", "<p>Hello</p>"),
        ("one\ntwo", "<p>one<br>\ntwo</p>"),
        ("one\n\ntwo", "<p>one</p>\n<p>two</p>"),
        ("*a* **b** ~~c~~ `d`", "<p><em>a</em> <strong>b</strong> <s>c</s> <code>d</code></p>"),
        ("snake_case_name a * b * c", "<p>snake_case_name a * b * c</p>"),
        ("> quoted\n\nanswer", "<blockquote>\n<p>quoted</p>\n</blockquote>\n<p>answer</p>"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
        ("3. a\n4. b", '<ol start="3">\n<li>a</li>\n<li>b</li>\n</ol>'),
        ("```python\nx < 1\n```", '<pre><code class="language-python">x &lt; 1\n</code></pre>'),
        ("```c++\n```", '<pre><code class="language-c++"></code></pre>'),
        ("```a\"b\nx\n```", "<pre><code>x\n</code></pre>"),
        ("```\nx\n```", "<pre><code>x\n</code></pre>"),
        ("`a  b`", "<p><code>a  b</code></p>"),
        ("# 1 of 3", "<p># 1 of 3</p>"),
        ("#channel", "<p>#channel</p>"),
        ("a\n---\nb", "<p>a<br>\n---<br>\nb</p>"),
        ("    indented", "<p>indented</p>"),
        ("1 < 2 && 3 > 2", "<p>1 &lt; 2 &amp;&amp; 3 &gt; 2</p>"),
        ("<b>bold</b>", "<p>&lt;b&gt;bold&lt;/b&gt;</p>"),
        ("届く 📮", "<p>届く 📮</p>"),
    ],
)  # fmt: skip
def test_what_people_write_comes_out_as_they_meant_it(text: str, html: str) -> None:
    assert render(text) == html


@pytest.mark.parametrize(
    ("text", "href", "after"),
    [
        ("see https://a.example/x?a=1&b=2.", "https://a.example/x?a=1&amp;b=2", "."),
        ("[the page](https://a.example)", "https://a.example", ""),
        ("<https://a.example>", "https://a.example", ""),
        ("(https://a.example/x)", "https://a.example/x", ")"),
        ("**https://a.example**", "https://a.example", "</strong>"),
        ("見て→https://a.example/届く、どう？", "https://a.example/%E5%B1%8A%E3%81%8F", "、どう？"),
        ("（https://a.example/x）", "https://a.example/x", "）"),
        ("「https://a.example/x」です", "https://a.example/x", "」です"),
        ("write to me@mail.com", "mailto:me@mail.com", ""),
    ],
)
def test_addresses_become_links(text: str, href: str, after: str) -> None:
    html = render(text)
    assert f'<a href="{href}" {LINK}>' in html
    assert f"</a>{after}" in html
    assert html.count("<a ") == 1


@pytest.mark.parametrize(
    "text", ["main.py", "node.js 24", "1.2.3.4", "e.g. this", "ftp://a.example", "`https://a.example`"]
)
def test_what_is_no_address_stays_text(text: str) -> None:
    assert "<a" not in render(text)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("**強調**です", "<strong>強調</strong>です"),
        ("これは**「重要」**です", "これは<strong>「重要」</strong>です"),
        ("**「重要」**です", "<strong>「重要」</strong>です"),
        ("これは**重要。**次へ", "これは<strong>重要。</strong>次へ"),
        ("私は**（本当に）**好き", "私は<strong>（本当に）</strong>好き"),
        ("使う**`print()`**です", "使う<strong><code>print()</code></strong>です"),
        ("**$100**です", "<strong>$100</strong>です"),
        ("価格**(税込)**です", "価格<strong>(税込)</strong>です"),
        ("古い~~「案」~~は", "古い<s>「案」</s>は"),
        ("한국어**(강조)**입니다", "한국어<strong>(강조)</strong>입니다"),
        ("**これは**、**それは**", "<strong>これは</strong>、<strong>それは</strong>"),
    ],
)
def test_emphasis_needs_no_blanks_where_the_script_has_none(text: str, html: str) -> None:
    assert render(text) == f"<p>{html}</p>"


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("a **(b)**c", "<p>a **(b)**c</p>"),
        ("2*3*4", "<p>2<em>3</em>4</p>"),
        ("a * b", "<p>a * b</p>"),
        ("foo_bar_", "<p>foo_bar_</p>"),
        ("** a**", "<p>** a**</p>"),
    ],
)
def test_emphasis_elsewhere_is_commonmarks(text: str, html: str) -> None:
    assert render(text) == html


PATTERNS = [
    "*",
    "**a ",
    "[",
    "![",
    "> ",
    "- ",
    "`",
    "``a`",
    "~~",
    "_a_",
    "<",
    "&#",
    "(",
    "[a](",
    "https://",
    "a@",
    "<!--",
    "「**",
    "\\",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_longest_message_of_the_worst_kind_is_rendered_quickly(pattern: str) -> None:
    text = (pattern * 10_000)[:10_000]
    started = time.process_time()
    html = render(text)
    assert time.process_time() - started < 2
    assert trespasses(html) == []
