"""What has no business in the text of an analysis: links, mentions, markup, characters that cannot be seen.

A model that obeys a text among its facts can be made to write such things, and whoever reads the analysis in
a browser or in Slack would be their victim. An analysis is plain sentences, so any of it is refused.
"""

import re
import unicodedata
from collections.abc import Iterable

_FOREIGN = {
    "a link": re.compile(
        r"(?i)\b[a-z][a-z0-9+.-]*://|\bwww\.|\b(?:javascript|data|mailto|tel):\S"
        r"|\b[\w-]{2,}\.(?:com|net|org|io|co|app|xyz|info|me|ru|cn|ly|gg|ai|dev|link|site|online|top|example)\b"
    ),
    "a mention or an address": re.compile(r"(?<![\w.])@\w|\w@\w"),
    "markup": re.compile(r"<\s*[a-zA-Z/!?@#]|\]\s*\(|```|\{\{|\{%|&(?:#\w+|[a-z]+);"),
}
_UNSEEN = frozenset({"Cc", "Cf", "Co", "Cs"})  # control, format (zero width, direction), private, surrogate


def find_foreign(texts: Iterable[str]) -> list[str]:
    """Name what the texts hold that plain sentences do not: `a link`, `markup`, … , each once."""
    whole = "\n".join(texts)
    found = [name for name, pattern in _FOREIGN.items() if pattern.search(whole)]
    if any(unicodedata.category(character) in _UNSEEN and character != "\n" for character in whole):
        found.append("characters that cannot be seen")
    return found
