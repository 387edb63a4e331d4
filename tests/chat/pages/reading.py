"""Pages as somebody who reads them sees them: text, links, forms; whatever a Content-Security-Policy would stop."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlparse

from django.http import HttpResponse
from django.test import Client

_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


@dataclass
class Form:
    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)
    """What the browser would send if nobody touched it."""


class Page(HTMLParser):
    """One HTML page: `text` without markup, `links`, `forms`, and `inline`: what a strict policy would not run."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.language = ""
        self.title = ""
        self.metas: dict[str, str] = {}
        self.links: list[str] = []
        self.ids: list[str] = []
        self.forms: list[Form] = []
        self.inline: list[str] = []
        self.scripts: list[str] = []
        self._open: list[str] = []
        self._textarea = ""
        self.feed(html)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, given: list[tuple[str, str | None]]) -> None:
        attrs = {name: value or "" for name, value in given}
        if tag not in _VOID:
            self._open.append(tag)
        self.inline += [f"<{tag} {name}>" for name in attrs if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in attrs and attrs.get("type") != "application/json"):
            self.inline.append(f"<{tag}>")
        if tag == "script" and "src" in attrs:
            self.scripts.append(attrs["src"])
        if "id" in attrs:
            self.ids.append(attrs["id"])
        match tag:
            case "html":
                self.language = attrs.get("lang", "")
            case "meta" if "name" in attrs:
                self.metas[attrs["name"]] = attrs.get("content", "")
            case "a" if "href" in attrs:
                self.links.append(attrs["href"])
            case "form":
                self.forms.append(Form(attrs.get("action", ""), attrs.get("method", "get")))
            case "input" | "button" if "name" in attrs and self.forms and "form" in self._open:
                wanted = attrs.get("type") not in {"radio", "checkbox"} or "checked" in attrs
                if wanted and tag == "input":
                    self.forms[-1].values[attrs["name"]] = attrs.get("value", "on" if "checked" in attrs else "")
            case "textarea" if "name" in attrs and self.forms:
                self._textarea = attrs["name"]
                self.forms[-1].values[attrs["name"]] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open and self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        innermost = self._open[-1] if self._open else ""
        if innermost == "textarea" and self.forms:
            self.forms[-1].values[self._textarea] += data
        if "title" in self._open and "svg" not in self._open:
            self.title += data
        if innermost not in {"script", "style", "title"} and "template" not in self._open:
            self.text += f" {data}"

    def form(self, action: str) -> Form:
        """The one form that is posted to `action`."""
        [found] = [form for form in self.forms if form.action == action and form.method == "post"]
        return found


def page(response: HttpResponse | Any) -> Page:
    return Page(response.content.decode())


def leads_to(response: HttpResponse | Any) -> str:
    """Where the response sends the browser on to."""
    assert response.status_code == 302
    return str(response.headers["location"])


def submit(client: Client, response: Any, action: str, **typed: str) -> Any:
    """Send a form of the page as a browser without JavaScript does: with all that stood in it, and what was typed."""
    form = page(response).form(action)
    target = urlparse(action or response.request["PATH_INFO"]).path
    return client.post(target, form.values | typed)
