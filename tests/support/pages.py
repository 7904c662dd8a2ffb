"""A page of the desk, as its tests read it."""

from html.parser import HTMLParser

from fastapi.testclient import TestClient


class Page(HTMLParser):
    """What a page says in its <main>: links and text; and the scripts and addresses of the whole page."""

    def __init__(self, text: str):
        super().__init__()
        self.links, self.scripts, self.words = [], [], ""
        self.loaded = []  # what a browser would fetch
        self._tag, self._main = "", False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self._tag = tag
        self._main = self._main or tag == "main"
        for name, value in attributes:
            if name == "href" and tag == "a":
                if self._main:
                    self.links.append(value)
            elif name in ("href", "src", "srcset", "action"):
                self.loaded.append(value)

    def handle_endtag(self, tag):
        self._tag = ""
        self._main = self._main and tag != "main"

    def handle_data(self, data):
        if self._tag == "script":
            self.scripts.append(data)
        elif self._main:
            self.words += data


def page(client: TestClient, path: str, status: int = 200) -> Page:
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Page(answer.text)


class Elements(HTMLParser):
    """The elements of a page with their attributes, and the texts of scripts and styles."""

    def __init__(self, text: str):
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.raw: dict[str, list[str]] = {"script": [], "style": []}
        self._tag = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self._tag = tag
        self.found.append((tag, {name: value or "" for name, value in attributes}))

    def handle_endtag(self, tag):
        self._tag = ""

    def handle_data(self, data):
        if self._tag in self.raw:
            self.raw[self._tag].append(data)

    def all(self, *tags: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.found if tag in tags]
