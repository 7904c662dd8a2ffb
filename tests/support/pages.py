"""A page of the desk, as its tests read it."""

from html.parser import HTMLParser

from fastapi.testclient import TestClient


class Page(HTMLParser):
    """Links, scripts and text of a page."""

    def __init__(self, text: str):
        super().__init__()
        self.links, self.scripts, self.words = [], [], ""
        self.loaded = []  # what a browser would fetch
        self._tag = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self._tag = tag
        for name, value in attributes:
            if name == "href" and tag == "a":
                self.links.append(value)
            elif name in ("href", "src", "srcset", "action"):
                self.loaded.append(value)

    def handle_endtag(self, tag):
        self._tag = ""

    def handle_data(self, data):
        if self._tag == "script":
            self.scripts.append(data)
        else:
            self.words += data


def page(client: TestClient, path: str, status: int = 200) -> Page:
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Page(answer.text)
