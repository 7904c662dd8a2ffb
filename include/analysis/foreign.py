"""What has no business in the text of an analysis: links, mentions, markup, characters that cannot be seen.

A model that obeys a text among its facts can be made to write such things, and whoever reads the analysis in
a browser or in Slack would be their victim. An analysis is plain sentences, so any of it is refused. Every
check takes time in proportion to the length of the text: whoever repeats himself holds nobody up.
"""

import functools
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

TOP_LEVEL_DOMAINS = Path(__file__).with_name("tlds.txt")
# Names that no registry gives out, but that open something all the same.
_OWN_DOMAINS = frozenset({
    "onion", "i2p", "eth", "bit", "local", "localhost", "internal", "lan", "home", "test", "example",
    "invalid", "arpa",
})  # fmt: skip
# Endings of domains that are words, too: behind a full stop and with a capital they begin a sentence whose
# space is missing.
_WORDS = frozenset({
    "it", "in", "is", "so", "at", "be", "no", "my", "to", "as", "am", "me", "us", "do", "by", "an", "if",
    "we", "la", "one", "now", "its", "next", "more", "here", "how", "day", "all", "any", "top", "trading",
    "prime", "moving", "buy", "market", "exchange", "trade", "cash", "volume", "target", "open", "loss",
    "since", "after",
})  # fmt: skip
# Elements of HTML by which a reader of it would begin a tag. Others do so only where they are closed.
_ELEMENTS = frozenset({
    "a", "abbr", "address", "area", "article", "aside", "audio", "b", "base", "bdi", "bdo", "blockquote",
    "body", "br", "button", "canvas", "caption", "center", "cite", "code", "col", "data", "datalist", "dd",
    "del", "details", "dfn", "dialog", "div", "dl", "dt", "em", "embed", "fieldset", "figure", "font",
    "footer", "form", "frame", "frameset", "h1", "h2", "h3", "h4", "h5", "h6", "head", "header", "hr",
    "html", "i", "iframe", "image", "img", "input", "ins", "kbd", "keygen", "label", "legend", "li", "link",
    "main", "map", "mark", "marquee", "math", "menu", "meta", "meter", "nav", "noscript", "object", "ol",
    "optgroup", "option", "output", "p", "param", "picture", "pre", "progress", "q", "rp", "rt", "ruby",
    "s", "samp", "script", "section", "select", "slot", "small", "source", "span", "strike", "strong",
    "style", "sub", "summary", "sup", "svg", "table", "tbody", "td", "template", "textarea", "tfoot", "th",
    "thead", "time", "title", "tr", "track", "tt", "u", "ul", "var", "video", "wbr", "xml", "xmp",
})  # fmt: skip
_SCHEMES = (
    "javascript",
    "vbscript",
    "data",
    "mailto",
    "tel",
    "sms",
    "tg",
    "bitcoin",
    "ethereum",
    "magnet",
    "file",
)
# Each begins with the one character that it cannot do without, so that a search is a search for this one.
_LINKS = (
    re.compile(r":(?=\S)(?<=[a-z]:)(?:" + "|".join(f"(?<=\\b{scheme}:)" for scheme in _SCHEMES) + ")"),
    re.compile(r"\.(?<=\bwww\.)|\.(?<=\bwww\d\.)"),
    re.compile(r"\.(?<=\d\.)\d{1,3}\.\d{1,3}\.\d{1,3}(?!\d)"),  # 10.0.0.1
    re.compile(r":(?<=[0-9a-f]:)[0-9a-f]{1,4}:[0-9a-f]{1,4}:[0-9a-f]|::(?=[0-9a-f])"),  # fe80::1
    re.compile(r"\[\.\]"),  # example[.]com
    re.compile(r"://|\\\\\w|localhost\b"),
)
_DOMAIN = re.compile(r"\.(?<=\w\.)((?:[^\W\d_]|xn--)[\w-]*)(?=([:/?#]\w)?)")
_MENTION = re.compile(r"@(?<!\.@)\w")
_MARKUP = (re.compile(r"<[/!?@#]"), re.compile(r"\]\s{0,9}\("), re.compile(r"&(?:#\w{1,9}|[a-z]{2,31});"))
_FENCES = ("```", "{{", "{%")
# A browser wants no space there; who writes one means a tag all the same.
_SPACED_TAG = re.compile(r"<\s{1,9}(?i:script|img|iframe|svg|embed|object)\b")
_TAG = re.compile(r"<([A-Za-z][A-Za-z0-9]*)(.?)")
_UNSEEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})  # control, format, private, surrogate, separators
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters and symbols without a shape


def find_foreign(texts: Iterable[str]) -> list[str]:
    """Name what the texts hold that plain sentences do not: `a link`, `markup`, … , each once."""
    whole = "\n".join(texts)
    found = [name for name, holds in _FOREIGN.items() if holds(whole)]
    seen = set(whole.replace("\r\n", "\n")) - {"\n", "\t"}
    if any(unicodedata.category(letter) in _UNSEEN for letter in seen) or seen & _BLANK:
        found.append("characters that cannot be seen")
    return found


def _holds_link(text: str) -> bool:
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text).replace("。", ".")
    lower = plain.lower()
    return any(pattern.search(lower) for pattern in _LINKS) or any(
        _ends_a_domain(word, path) for word, path in set(_DOMAIN.findall(plain))
    )


def _ends_a_domain(word: str, path: str) -> bool:
    """Whether what stands behind a dot is the end of a domain: `t.me`, `example.com/x`, `пример.рф`."""
    lower = word.lower()
    if lower.startswith("xn--"):
        return True
    if path:  # whatever is called so: nobody writes a path but to be followed
        return len(word) > 1
    if word[0].isupper() and not word.isupper() and lower in _WORDS:
        return False
    return lower.rstrip("-_") in _top_level_domains()


@functools.cache
def _top_level_domains() -> frozenset[str]:
    lines = TOP_LEVEL_DOMAINS.read_text().splitlines()
    registered = [line.strip().lower() for line in lines if line.strip() and not line.startswith("#")]
    decoded = [
        name.removeprefix("xn--").encode().decode("punycode")
        for name in registered
        if name.startswith("xn--")
    ]
    return frozenset(registered) | frozenset(decoded) | _OWN_DOMAINS


def _holds_markup(text: str) -> bool:
    if any(fence in text for fence in _FENCES) or any(pattern.search(text) for pattern in _MARKUP):
        return True
    first = _TAG.search(text)
    if first is None:
        return bool(_SPACED_TAG.search(text))
    if _SPACED_TAG.search(text) or first.start() < text.rfind(">"):
        return True
    return any(
        name.lower() in _ELEMENTS or behind in tuple("-:=/") for name, behind in set(_TAG.findall(text))
    )


_FOREIGN = {
    "a link": _holds_link,
    "a mention or an address": lambda text: bool(_MENTION.search(text)),
    "markup": _holds_markup,
}
