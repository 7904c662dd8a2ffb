"""Secrets in URLs: user and password, parameters, and paths that are themselves the key."""

import re

from include.telemetry.secret_names import Tells, is_secret, what_tells, words
from include.telemetry.secret_shapes import MASK

_SLASHES = r":(?:\\{0,3}/){2}"
_ESCAPED = re.compile(r"(%3A%2F%2F)[^\s&\"'<>]{1,256}%40", re.IGNORECASE)
_USER = re.compile(rf"({_SLASHES})[^\s/?#\"'<>\\]+@")
# People forget to encode the / # ? @ of a password: up to the last @ before a space or a quote. What begins
# like a port is one, and what follows it is a path.
_USER_AND_PASSWORD = re.compile(
    rf"({_SLASHES})[^\s/:@?#\"'<>\\]{{0,100}}:(?!\d{{1,5}}(?:[/?#\s]|\Z))[^\s\"'<>]{{1,256}}@"
)
_DATABASE = re.compile(
    r"\b((?:postgres(?:ql)?|mysql|mariadb|redis|rediss|amqps?|mongodb|neo4j|bolt|sqlserver|mssql|oracle|snowflake"
    rf"|clickhouse|smtps?|ldaps?|s?ftp|mqtts?|nats|trino|cockroachdb|redshift)(?:\+\w{{1,20}})?{_SLASHES})"
    r"(?:[^\s\"'<>]{1,256}@|[^\s/:@\"'<>]{1,64}:(?!\d)[^\s/@\"'<>]{1,64} [^\s/@\"'<>]{1,64}@)",
    re.IGNORECASE,
)
_PARAMETER = re.compile(
    r"((?:[?&#]|\\u0026|%3[Ff]|%26)(?:amp;)?([\w.%\[\]-]{1,60}?)(?:=|%3[Dd]))"
    r"((?:(?!%26)[^&\s\"'<>#\\])++)"
)
_ALWAYS = re.compile(
    r"key|sig|auth|pass|pw|pwd|assertion|samlresponse|saml_?response|ticket|hmac|jwt|sid|nonce_token|x_amz_credential"
)
_CODE = re.compile(r"\d{1,6}|[A-Za-z]{1,7}|[A-Z_]+|[a-z_]+")  # of a country, an answer, an error

# Paths that open something by themselves: what is kept, and then the key.
_KEY = r"[\w%+=~-]{12,}+"
_HOOKS = (
    ("hooks.slack", re.compile(r"(hooks\.slack(?:-gov)?\.com/)(?:services|workflows|triggers)/[\w/-]+")),
    ("/webhooks/", re.compile(r"(/api/(?:v\d{1,2}/)?webhooks/\d{1,25}/)[\w-]{8,}+")),  # Discord
    ("/webhook", re.compile(r"(\.(?:office|office365)\.com/webhookb?2?/)[^\s\"'<>]+")),  # Teams
    # Zapier, Mattermost
    ("/hooks/", re.compile(r"(//[\w.-]{1,100}/hooks/(?:catch/)?+)[\w-]{5,}+(?:/[\w-]{5,}+)*")),
    ("/with/key/", re.compile(rf"(/with/key/){_KEY}")),  # IFTTT
    ("api-", re.compile(rf"(/api-(?:key|token)/){_KEY}")),
    ("/bot", re.compile(r"(/bot)\d{5,15}:[\w-]{8,}+")),  # Telegram
)
_NODES = tuple(
    words(
        """
        alchemy infura quiknode quicknode ankr.com blastapi chainstack getblock drpc.org tenderly nodereal
        rpcpool syndica helius moralis p2pify pokt blockpi allnodes zan.top shyft extrnode onfinality rivet
        dwellir rpc. -rpc mainnet testnet devnet sepolia holesky
        """
    )
)
_NODE_PATH = re.compile(
    rf"({_SLASHES}(?:[\w.-]{{0,80}}(?:{'|'.join(map(re.escape, _NODES))})[\w.-]{{0,80}})(?::\d{{1,5}})?"
    r"(?:/[\w.-]{1,15}(?=/)){0,4}/)(?!0x)(?=[\w-]{0,40}\d|[\w-]{24})[\w-]{16,}+"
)


def mask_urls(text: str) -> str:
    """Mask what a URL must not show; host, path and harmless parameters stay."""
    if "@" in text and "/" in text:
        text = _DATABASE.sub(rf"\1{MASK}@", text)
        text = _USER_AND_PASSWORD.sub(rf"\1{MASK}@", text)
        text = _USER.sub(rf"\1{MASK}@", text)
    if "%40" in text:
        text = _ESCAPED.sub(rf"\1{MASK}%40", text)
    if "=" in text or "%3" in text:
        text = _PARAMETER.sub(_mask_parameter, text)
    if "/" in text:
        for mark, path in _HOOKS:
            if mark in text:
                text = path.sub(rf"\1{MASK}", text)
        if any(node in text for node in _NODES):
            text = _NODE_PATH.sub(rf"\1{MASK}", text)
    return text


def _mask_parameter(match: re.Match[str]) -> str:
    name, value = match[2].lower().replace("-", "_"), match[3]
    if name == "code":
        secret = _CODE.fullmatch(value) is None
    elif _ALWAYS.fullmatch(name) or name.endswith(("signature", "_sig", "_auth", "_key_id")):
        secret = is_secret(value, Tells.SURELY, quoted=True)
    else:
        tells = what_tells(match[2])
        secret = tells is not Tells.NOTHING and is_secret(value, tells, quoted=True)
    return f"{match[1]}{MASK}" if secret else match[0]
