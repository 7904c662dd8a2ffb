"""Secrets that stand in a text under a name: in options, JSON, YAML, ini, XML, SQL, headers, reprs.

Names are found by what follows them, and judged by `secret_names`; the quotes around a value stay, so that
JSON stays JSON. Every expression is linear: a repetition either consumes what it scans, or starts only at the
beginning of a word, or is bounded.
"""

import re

from include.telemetry.secret_names import Tells, is_secret, what_tells, words
from include.telemetry.secret_shapes import MASK

_STRING = r"(?:[rbuf]{0,2}\"(?:[^\"\\]|\\.)*+\"?|[rbufN]{0,2}'(?:[^'\\]|\\.)*+'?)"
# A name, the hyphens of an option before it, and what leads to its value: `=`, `:`, `=>`, `:=`, a type and
# `=`, the comma of ('name', b'value'), the blank before a string in SQL.
_NAME = re.compile(
    r"(?<![\w.-])(?P<dashes>[.-]*+)(?P<name>\w[\w.-]*+)(?:"
    r"(?P<close>\\{0,7}[\"']?)\]?[ \t]*+(?P<sign>=>|={1,2}(?!=)|:=|:(?![:/])"
    r"(?:[ ]?(?:str|bytes|Optional\[str\]|str \| None|SecretStr|string)[ ]?=[ ]?)?)[ \t]*+"
    r"|(?P<comma>\\{0,7}[\"']), ?(?=[rbuf]?\\{0,7}[\"'])"
    r"|(?P<blank>[ \t]++)(?=')"
    r")"
)
_VALUE = re.compile(
    r"(?:[!&][\w!:-]{0,40}[ ]+)?(?:[A-Za-z_][\w.]{0,60}\((?=[rbuf]?[\"']))?(?:"
    rf"(?P<string>{_STRING})"
    r"|(?P<escaped>\\{1,7}[\"'][^\"'\\]*+)"
    r"|(?P<bracket>[\[({][^\[\](){}\n]{1,1000}+[\])}])"
    r"|(?P<plain>(?:[^\s\"'\\&,;)\]}<>]|[,;)\]}](?![\s\"']|\Z)|\\(?![\"'nrt\\])|&(?!amp;|[\w.%-]{1,40}=|\s|\Z)"
    r"|[<>](?![\s/\"']|\Z))++)"
    r")",
    re.DOTALL,
)
_OPTION = re.compile(
    r"(?<![\w.-])--?(?P<name>[A-Za-z][\w.-]*+)[ \t]++"
    r"(?P<value>\"[^\"\n]*+\"?|'[^'\n]*+'?|[^\s\"'-][^\s\"']*+)"
)
_BLOCK = re.compile(r"(?:[!&][\w!:-]{0,40}[ ]+)?[|>][+-]?\d?[+-]?[ \t]*(?:#[^\n]*)?(\r?\n|\\r?\\n|\\n)")
_BLOCK_LINES = re.compile(r"(?:[ ]{1,40}[^\\\"'\n]{0,2000}(?:\\r?\\?n)?)+")  # of a block inside a string
_REST_OF_LINE = re.compile(r"[^\r\n\"'=:#]{1,200}(?=\r?\n|\Z| #)")
_BEGINS_A_LINE = re.compile(r"[ \t]*(?:- |export )?\Z")
_PHRASE = re.compile(r"(?:[ ,]+[A-Za-z]\w*){1,30}")
_WORD = re.compile(r"[^\s\"',\[\](){}]+")
_COOKIES = re.compile(r"(?:b?[\"'])?[^\"'\r\n]+")  # a cookie header holds spaces: up to the end of the line
_QUOTE = re.compile(r"[rbufN]{0,2}\\{0,7}[\"']")
_METAVAR = re.compile(r"[A-Z_]+|<.*|\[.*|\.\.\.?|[|=:+].*")
_LAST_WORDS = words(
    """
    hash key keys pass phrase secret signature string token tokens words
    """
)
_ARTICLES = words(
    """
    a all an and any as by each every for given in is its my new no of old one or other our same that the
    this to with your
    """
)
_ENVIRONMENT = re.compile(r"[A-Z][A-Z0-9]*_[A-Z0-9_]+")
_LAST_WORD = re.compile(r"([A-Za-z]{2,20})[ ]\Z")

# Authorization: a scheme and its token, or a scheme and parameters; quoted parameters may stand in a string.
_PARAMETERS = (
    r"(?:[A-Za-z][\w-]*=(?:\\{0,7}\"[^\"\r\n\\]*+\\{0,7}\"|[^\s,\"'\\]++)"
    r"(?:[,;][ ]?|(?=[\s\"'\\]|\Z))){1,20}+"
)
_AUTHORIZATION = re.compile(
    rf"(?:(?P<scheme>[A-Za-z][\w.-]{{0,30}})[ ]{{1,3}})?(?:{_PARAMETERS}|(?P<token>[^\s\"'\\,;]++))"
)
_SCHEMES = words(
    """
    api-key apikey aws aws4-hmac-sha256 aws4-hmac-sha512 basic bearer bot deepl-auth-key digest discogs dpop
    flyv1 geniekey googlelogin gssapi hawk hmac hmac-sha256 jwt kerberos klaviyo-api-key mac negotiate nostr
    ntlm oauth privatetoken scram-sha-256 sharedaccesssignature sharedkey sharedkeylite signature snowflake
    splunk ssws token vapid workplace zoho-oauthtoken
    """
)
_BARE_SCHEME = re.compile(
    r"\b([Bb]earer|BEARER|[Bb]asic|BASIC|ApiKey|GenieKey|SSWS|OAuth|AWS4-HMAC-SHA256|Negotiate|NTLM)\s{1,3}"
    r"(?![a-z_]+=\w)(?=\S{0,40}\d|\S{16})[\w.~+/=-]{6,}"
)
_DIGEST = re.compile(r"(\b(?:response|opaque|cnonce)=\\{0,7}\")([0-9A-Za-z+/=]{8,}+)")
_XML = re.compile(
    r"<((?:[\w.-]{1,40}:)?[\w.-]{1,60})(?:[ ][^<>\n]{0,200})?>(?:<!\[CDATA\[)?"
    r"(?P<value>[^<>]{1,4000})(?=<|\]\]>)"
)
_PLIST = re.compile(r"<key>([\w.-]{2,60})</key>\s{0,40}<string>(?P<value>[^<]{1,2000})")
# One entry names it, the next one holds it: Kubernetes, HTML forms, .NET, uploads of forms.
_ENTRY = re.compile(
    r"(?<![\w-])(?i:name|key|field|id|variable|header)\\{0,7}[\"']?[ ]?[=:][ ]?\\{0,7}[\"']?([\w.-]{2,60})"
    r"\\{0,7}[\"']?(?:[\s,;]|\\n){1,30}(?:type=\\?[\"']?\w{1,20}\\?[\"']?\s)?(?:- )?"
    r"\\{0,7}[\"']?(?i:value|val|defaultValue)\\{0,7}[\"']?[ ]?[=:][ ]?"
    r"(?P<value>\\{0,7}[\"'][^\"'\\]{1,2000}|[^\s\"'\\,;<>}]{1,2000})"
)
_FORM = re.compile(
    r"name=\\?\"([\w.-]{2,60})\\?\"(?:(?:\r?\n[^\r\n]{1,200}){0,3}(?:\r?\n){2}|(?:\\r\\n){2})"
    r"(?P<value>[^\r\n\\]{1,2000})"
)
# ALTER ROLE … PASSWORD '…', IDENTIFIED BY '…', PASSWORD('…'), SET PASSWORD … = '…'
_SQL = re.compile(
    r"((?:\bidentified\s{1,5}(?:with\s{1,5}\S{1,40}\s{1,5})?(?:by|as)\s{1,5}(?:password\s{1,5})?"
    r"|\bpassword\s{0,5}\(|\bset\s{1,5}password\b[^='\n]{0,80}=\s{0,5}|\bpassword\s{1,5}))"
    r"(''[^']{1,500}''|[EN]?'(?:[^'\\]|\\.|'')*+'?|\$(\w{0,20})\$.{1,500}?\$\3\$|\"[^\"]{1,500}\")",
    re.IGNORECASE | re.DOTALL,
)
_PGPASS = re.compile(
    r"^([ \t]*[\w.*-]{1,100}:(?:\d{4,5}|\*):[\w.*-]{1,64}:[\w.@*-]{1,64}:)(\S{4,200})$", re.MULTILINE
)
# Programs that take a password behind one letter, and user:password behind -u.
_SHORT_OPTION = re.compile(
    r"(\b(?:mysql\w{0,10}|mariadb[\w-]{0,10}|sshpass|mongo\w{0,10}|sqlcmd|zip|7z|ldap\w{1,10}|redis-cli"
    r"|docker[ ]login)\b"
    r"[^\n|;&]{0,200}?\s-[paPw][ ]?)(?![\s-]|\d{1,5}(?:\s|\Z))([^\s\"']+|\"[^\"]*\"?|'[^']*'?)"
)
_USER_OPTION = re.compile(
    r"(?<![\w-])((?:-u|--user|--proxy-user|-U)[ =]?[\"']?[\w.@+\\-]{1,80}:)"
    r"(?!\d{1,6}(?:[\s\"']|\Z)|/)([^\s\"']{3,}+)"
)
# `ENV API_TOKEN …`, `login me password …`, `the password is …`: masked when it looks like one.
_SAID = re.compile(
    r"(?<![\w.-])([\w.-]{0,40}(?:password|passwd|passphrase|[_-]token|authtoken|[_-]secret|api[ _-]?key)[ ]"
    r"(?:(?:is|was|to|->):?[ ])?[\"']?)([^\s\"']{6,200}+)",
    re.IGNORECASE,
)


def mask_named(text: str) -> str:
    """Mask what stands under telling names."""
    lowered = text.lower()
    if "identified" in lowered or "password" in lowered:
        text = _SQL.sub(_mask_sql, text)
    if "<" in text:
        text = _PLIST.sub(_mask_if_telling, _XML.sub(_mask_if_telling, text))
    if "name" in lowered or "key" in lowered or "id=" in lowered:
        text = _ENTRY.sub(_mask_if_telling, text)
        text = _FORM.sub(_mask_if_telling, text)
    if ":" in text:
        text = _PGPASS.sub(_mask_last_if_secret, text)
    if " -" in text or "-u" in text:
        text = _SHORT_OPTION.sub(rf"\1{MASK}", text)
        text = _USER_OPTION.sub(rf"\1{MASK}", text)
    text = _mask_values(text)
    if any(word in lowered for word in ("passw", "token", "secret", "passphrase", "key ")):
        text = _SAID.sub(_mask_last_if_secret, text)
    text = _BARE_SCHEME.sub(rf"\1 {MASK}", text)
    if "nonce" in lowered:
        text = _DIGEST.sub(rf"\1{MASK}", text)
    return text


def _mask_values(text: str) -> str:
    """Mask the values behind names, and leave their quotes."""
    pieces: list[str] = []
    done = 0
    for match in _NAME.finditer(text):
        if match.start() < done:
            continue
        tells = _what_tells(text, match)
        if tells is Tells.NOTHING:
            continue
        found = _find_value(text, match, tells)
        if found is not None:
            begin, end, mask = found
            pieces += text[done:begin], mask
            done = end
    text = "".join([*pieces, text[done:]])
    return _OPTION.sub(_mask_option, text) if "-" in text else text


def _what_tells(text: str, match: re.Match[str]) -> Tells:
    name = match["name"]
    start = match.start("name")
    if start and text[start - 1] == "\\" and name[0] in "nrt":
        name = name[1:]  # of a line break in a repr
    if match["dashes"] == "-" and name[0] == "D":
        name = name[1:]  # -Dpassword=
    last = name.lower()
    if last in _LAST_WORDS and start and text[start - 1] == " ":  # `API key:`, `unexpected token:`
        before = _LAST_WORD.search(text, max(0, start - 21), start)
        if before is not None and before[1].lower() not in _ARTICLES:
            return what_tells(f"{before[1]}_{name}")
    tells = what_tells(name)
    if last == "pass" and (match["sign"] == "=" or match["close"]):
        return Tells.LIKELY
    if tells is Tells.PERHAPS and match["sign"] == "=" and _ENVIRONMENT.fullmatch(name):
        return Tells.LIKELY
    if match["dashes"] and last == "key":
        return Tells.PERHAPS
    return tells


def _find_value(text: str, match: re.Match[str], tells: Tells) -> tuple[int, int, str] | None:
    """Where the secret stands behind a name, and what to put there; None when there is none."""
    at, name = match.end(), match["name"].lower()
    if name.endswith("authorization") and match["sign"] and text[at : at + 1] not in "\"'[({\\":
        return _find_authorization(text, at)
    if "cookie" in name:
        cookies = _COOKIES.match(text, at)
        said = cookies[0] if cookies else ""
        return _between_quotes(said, at, match) if is_secret(said.strip("\"'"), tells) else None
    if match["sign"] == ":" and (block := _BLOCK.match(text, at)):
        return _find_block(text, match.start(), block)
    named = (
        match["comma"] and not match["dashes"] and "(" not in text[max(0, match.start() - 3) : match.start()]
    )
    if named:
        tells = Tells.PERHAPS  # ['id', 'password', 'email'] are names
    if match["blank"] and name in ("secret", "token", "credential"):
        tells = Tells.PERHAPS  # the secret 'db-login' is a name
    value = _VALUE.match(text, at)
    if value is None:
        return None
    kind = value.lastgroup or "plain"
    said, begin = value[kind], value.start(kind)
    if kind == "bracket":
        if not any(is_secret(word, tells) for word in _WORD.findall(said)):
            return None
        return begin, value.end(), _quoted_like(match, MASK)
    if kind != "plain":
        inside = said[len(_QUOTE.match(said)[0]) :]  # type: ignore[index]
        return (
            _between_quotes(said, begin, match)
            if is_secret(inside.strip("\"'"), tells, quoted=True)
            else None
        )
    if not is_secret(said, tells):
        return None
    return begin, _end_of_words(text, match, value.end()), _quoted_like(match, MASK)


def _end_of_words(text: str, match: re.Match[str], end: int) -> int:
    """Where an unquoted value ends: words of a phrase, and a line of YAML or ini, may hold blanks."""
    name = match["name"].lower()
    if "phrase" in name or "mnemonic" in name:
        more = _PHRASE.match(text, end)
        return more.end() if more else end
    if match["sign"] not in (":", "=") or match[0][-1] not in " \t":
        return end
    line = max(text.rfind("\n", max(0, match.start() - 80), match.start()) + 1, match.start() - 80, 0)
    if _BEGINS_A_LINE.match(text, line, match.start()) is None or match["close"]:
        return end
    more = _REST_OF_LINE.match(text, end)
    return more.end() if more else end


def _find_authorization(text: str, at: int) -> tuple[int, int, str] | None:
    value = _AUTHORIZATION.match(text, at)
    if value is None:
        return None
    scheme, token = value["scheme"], value["token"]
    if scheme is None or scheme.lower() in _SCHEMES or token is None or is_secret(token, Tells.PERHAPS):
        alone = scheme is None and token is not None
        return (at, value.end(), MASK) if not alone or is_secret(token, Tells.SURELY) else None
    return (at, at + len(scheme), MASK) if is_secret(scheme, Tells.PERHAPS) else None


def _find_block(text: str, start: int, block: re.Match[str]) -> tuple[int, int, str] | None:
    """A block of YAML: the lines below that are indented more than the name's."""
    begin = end = block.end()
    if block[1][0] == "\\":  # in a string
        lines = _BLOCK_LINES.match(text, begin)
        return (begin, lines.end(), f" {MASK}") if lines else None
    line = text.rfind("\n", max(0, start - 400), start) + 1
    indent = len(text[line:start]) - len(text[line:start].lstrip(" -"))
    first = ""
    while end < len(text):
        until = text.find("\n", end)
        until = len(text) if until < 0 else until
        said = text[end:until]
        deep = len(said) - len(said.lstrip(" "))
        if said.strip() and deep <= indent:
            break
        first = first or (said[:deep] if said.strip() else "")
        end = until + 1
    if not first:
        return None
    end = min(end, len(text))
    return begin, end, f"{first}{MASK}" + ("\n" if text[end - 1] == "\n" else "")


def _between_quotes(said: str, begin: int, match: re.Match[str]) -> tuple[int, int, str]:
    quoted = _QUOTE.match(said)
    if quoted is None:
        return begin, begin + len(said), _quoted_like(match, MASK)
    opening = quoted[0]
    closes = len(said) > len(opening) and said.endswith(opening[-1])
    return begin + len(opening), begin + len(said) - (1 if closes else 0), MASK


def _quoted_like(match: re.Match[str], mask: str) -> str:
    """What is no string in JSON becomes one: `"password": 1` is `"password": "***"`."""
    close = match["close"] if match["sign"] == ":" and match["close"] else ""
    return f"{close}{mask}{close}"


def _mask_option(match: re.Match[str]) -> str:
    """`--password S`, `-token S`."""
    name, value = match["name"], match["value"]
    tells = Tells.PERHAPS if name.lower() in ("key", "pass", "auth") else what_tells(name)
    bare = value.strip("\"'")
    if (
        tells is Tells.NOTHING
        or _METAVAR.fullmatch(bare.rstrip("]).,;"))
        or not is_secret(bare, tells, quoted=value != bare)
    ):
        return match[0]
    return match[0][: match.start("value") - match.start()] + value.replace(bare, MASK)


def _mask_sql(match: re.Match[str]) -> str:
    string = match[2].lstrip("EeNn")
    quote = f"${match[3]}$" if string[0] == "$" else string[:2] if string.startswith("''") else string[0]
    if not is_secret(string.strip("'\"$"), Tells.SURELY, quoted=True):
        return match[0]
    return f"{match[1]}{quote}{MASK}{quote}"


def _mask_last_if_secret(match: re.Match[str]) -> str:
    return match[1] + MASK if is_secret(match[2], Tells.PERHAPS) else match[0]


def _mask_if_telling(match: re.Match[str]) -> str:
    """Mask the group `value` when the first group, a name, tells of a secret."""
    tells = what_tells(match[1])
    said = match["value"].lstrip("\\\"' \t\r\n")
    if tells is Tells.NOTHING or not is_secret(said, tells, quoted=True):
        return match[0]
    end = match.end("value") - match.start()
    return match[0][: end - len(said)] + MASK + match[0][end:]
