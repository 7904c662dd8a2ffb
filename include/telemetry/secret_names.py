"""Which names tell of a secret, and which values under them are one.

A name tells surely (`password`, `api_key`, `access_token`: its value is masked unless it is plainly none), or
perhaps (`…_key`, `…_hash`, a bare `pass`: its value is masked when it looks like a secret), or not at all
(`primary_key`, `dedup_key`, `tx_hash`, `max_tokens`, `token_count`). Names are compared by their words, so
that `dbPass`, `DB_PASS`, `db-pass` and `db.pass` are one name.
"""

import re
from enum import IntEnum
from functools import lru_cache

LONGEST_NAME = 80  # characters of a name that are looked at, its last ones


def words(text: str) -> frozenset[str]:
    """The words of a text, once each."""
    return frozenset(text.split())


class Tells(IntEnum):
    """What a name says of its value."""

    NOTHING = 0
    PERHAPS = 1
    LIKELY = 2
    SURELY = 3


_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
# Of the secret's life, not of its content: `api_key_prod`, `token_2`, `PASSWORD_OLD`.
_LIFE = re.compile(
    r"(?:_(?:\d+|old|new|prev|previous|current|dev|prod|test|staging|live|main|backup|value|plain|text|raw|b64))+\Z"
)
_ADDRESS = re.compile(r"(?:hook|connection)_?ur[il]\Z")  # that opens the door by itself
_SURELY = re.compile(
    r"passw(?:or)?ds?(?:_|\Z)|pass_?(?:phrase|code)|pwd|secret(?!ar|ion|ly)|credential|authorization|dsn\Z"
    r"|connection_?(?:string|ur[il])\Z|_conn\Z|(?:^|_)cookies?\Z|hook_?ur[il]\Z|passwd"
    r"|mnemonic|(?:seed|recovery)_?(?:phrase|words)"
    r"|(?:api|access|private|encryption|decryption|signing|registration|routing|integration|fernet|account|auth"
    r"|application|master|client|service|subscription|ssh|gpg|pgp|session|deploy|license|hmac|webhook|admin|jwt"
    r"|aes|rsa|consumer|shared|storage|write|ingest|server|bot|user)_?keys?\Z|^x(?:_\w+)?_key\Z"
    r"|(?:^|_|db|user|my|smtp|mail|root|ssh|key|store|trust|ftp|sql|pg|admin|ldap|app|login|proxy|imap)pass\Z"
    r"|(?:pass|pw|api|user|auth|login|admin|shadow|ntlm?|lm|otp|pin)_?hash\Z"
    r"|(?:access|api|bx|ok)_sign\Z|amz_signature\Z|(?:^|_)(?:sas|bearer|otp|userpw|dbpw)\Z|auth_?string\Z"
)
_PERHAPS = re.compile(
    r"keys?\Z|hash\Z|tokens\Z|signature\Z|session_?id\Z|(?:^|_)(?:sig|auth|pw|pin|sid|seed|salt|nonce|creds?|csrf|xsrf|jwt)\Z"
)
# What the last word makes harmless: `token_count` is a number, `password_file` a path.
_ABOUT = words(
    """
    age alg algorithm arn at attempts audience backend bucket budget changed check checker checks column
    cost count counts dir disabled enabled encryption endpoint env error errors exists expiration expired
    expires expiry field fields file files filter format found hasher hashing header helper hint id index
    invalid issuer kind len length limit limits manager mask masked max method min missing mode name names
    ok on path paths per policies policy present price prompt provider rate ref required reset rotation rule
    rules scope scopes server set size sizes source state status store stores strength ttl type types uri
    url usage used valid verified version versions
    """
)
# What the word before makes harmless of a `key`, a `hash`, a `token`, a `pass`.
_ENDS = re.compile(r"_(?:keys?|hash|tokens?|pass)\Z")
_HARMLESS = words(
    """
    256 3 5 512 alert analysis archive argument arrow artifact asset attribute available average avg bad
    band bar base batch begin blob block boarding body bos bucket budget build bundle buy by cache cached
    candidate candle category cell checksum child chunk closing cluster clustering code column com commit
    completion composite config consistent constraint content cost count country crc cron css currency
    cursor customer dag data date day dedup dedupe deduplication dependency dict diff digest distribution
    docker document double dry duplicate duplicated end enter entry env environment eos erc20 error escape
    etag event fact feature field figure file first flag folder foreign from full genesis geo git governance
    group grouping hash head high host hot idempotency image incident index info input invalid ipfs issue
    item jira job join json kafka kwarg label last layer leaf limit llm locale lock lockfile lookup low lp
    manifest map mapping market mask max md5 meme menu merkle message metric min mint missing modifier
    module month multi n name native natural next nix node notice notification num object opening option
    order output over package pad page pair param parameter parent partition patch path per perceptual
    position prefix prev previous primary problem project prompt property pub public python query queue
    quote range reasoning receipt record redis ref reference referenced region registry remaining render
    report request response result return revision rolling rollup row rule run s3 schema season second sell
    sequence serial series setting settlement sha shard sharding short shortcut signal simple single smoke
    snapshot sort sorting source special spl stable start state statistic step stop str stream sur surrogate
    swap sweep symbol tag tags task template test tests text theme thinking third time to topic torrent
    total trace trade transaction translation tree tres tx txn type under unexpected unique unk unknown
    usage used utility value version webpack wheel window word wrapped wrong xcom year
    """
)
_ONE_WORD = words(
    """
    bypass compass donkey encompass hash hockey hotkey jockey key keys monkey pubkey publickey rehash
    surpass trespass turkey whiskey
    """
)

_NOTHING = re.compile(
    r"(?i:null|none|nil|true|false|undefined|nan|\(none\)|<none>|empty|n/?a)"
    r"|[*•●.·?_-]+|x{3,}|X{3,}"  # masked already
    r"|\*{3,}.{0,4}|<[a-zA-Z][a-zA-Z _-]*>?"
    r"|(?i:\[(?:redacted|filtered|masked|hidden|secret)\]|redacted|masked|hidden|filtered)"
    r"|\$\{[^}]*\}?|\$\([^)]*\)?|\$[A-Z][A-Z0-9_]{2,}|\{\{.*|%\(\w+\)s?|%s|%r|\{\w*\}"
    r"|os\.(?:environ|getenv)\b.*|getenv\b.*"
)  # fmt: skip
# Words after a name in a sentence, or a type in a signature: `password: must be longer`, `token: str`.
_PROSE = words(
    """
    a absent accepted all allowed an and any are argument arguments as at attribute auth authentication
    authorization available based be been before blank bool bucket buckets but by bytes can cannot changed
    check contains could count counts created deleted denied dict different disabled does dropped enabled
    error exists expired expires failed fails failure field fields file flag flags float for forbidden found
    from generation given had has have header headers here hidden if ignored in incorrect int into invalid
    is it its kept length limit limits list long longer lost malformed manager mandatory masked match
    matches may method mismatch missing more must need needed needs never new no none not object of ok okay
    on one only option optional options or other out parameter parameters passed please policy present
    property provided refresh refused rejected removed renewal request requests required reset response
    reuse revoked ring rings rotated rotation secretstr set short shorter should skipped so some stale
    storage store stores str string strings text than that the their them then there they this to too tuple
    type unauthorized unavailable unchanged under unknown unset until up updated usage use used using valid
    validation value values verification verified was were what when which will with without wrong yes yet
    you your
    """
)
_FILE = re.compile(r"[\w./~-]{1,150}\.(?:key|pem|crt|cer|pub|json|ya?ml|txt|py|csv|parquet|ini|conf|env)")
# What a traceback shows of a program: `self._secret`, `get_token()`, `tuple[str`.
_CODE = re.compile(
    r"(?:self|cls|settings|conf|config|endpoint|connection|conn|entry|service|state|args|options|params|request)"
    r"(?:\._?[a-z_]+)+,?|_?[a-z][a-z_.]*\([a-z_., ]*\)?,?|(?:tuple|list|dict|set|frozenset|Mapping|Sequence"
    r"|Optional|Iterable|Literal)\[.*"
)
_NUMBER = re.compile(r"[\d.,_]{1,8}")
_PLAIN = re.compile(
    r"[+-]?[\d.,_:/ ]+%?|\d+(?:\.\d+)?(?:e[+-]?\d+|[a-zA-Z]{1,3})?"  # numbers, also with a unit
    r"|\d{4}-\d\d-\d\d[\dT:.+Z -]*"  # times
    r"|v?\d+(?:\.\d+)+[\w.+-]{0,12}"  # versions
    r"|[(\[{<].*|\w+\(.*|lambda\b.*"  # expressions
    r"|(?:~|\.{1,2})?/[\w./ -]*"
    r"|[a-z]+\d{0,4}(?:[ _:./|,-]+(?:[a-z]+\d{0,4}|\d{1,8}))*[:.,]?"  # words
    r"|[A-Z]{1,12}\d{0,4}(?:[ _:./|,-]+(?:[A-Z]+\d{0,4}|\d{1,8}|[a-z]+\d{0,4}))*[:.,_]?"
    r"|[A-Z]?[a-z]+(?:[A-Z][a-z]+){0,5}\d{0,3}(?:[ _:./|,-]+[A-Za-z]+\d{0,4})*[:.,_]?"
)


@lru_cache(maxsize=8192)
def what_tells(name: str) -> Tells:
    """What a name says of its value."""
    joined = _LIFE.sub("", "_".join(_WORDS.findall(name[-LONGEST_NAME:])).lower())
    before, _, last = joined.rpartition("_")
    if joined in _ONE_WORD or (last in _ABOUT and not _ADDRESS.search(joined)):
        return Tells.NOTHING
    if _ENDS.search(joined) and before.rpartition("_")[2] in _HARMLESS:
        return Tells.NOTHING
    if joined == "pass":
        return Tells.PERHAPS  # `pass: 12, fail: 3`
    if joined.endswith("token"):
        return Tells.LIKELY  # `next token: 42`
    if _SURELY.search(joined):
        return Tells.SURELY
    return Tells.PERHAPS if _PERHAPS.search(joined) else Tells.NOTHING


def is_secret(value: str, tells: Tells, *, quoted: bool = False) -> bool:
    """Whether a value under such a name is to be masked."""
    value = value[:200].strip(" \t\r\n")
    bare = value.rstrip(".,;:!?)]}")
    if (
        not bare
        or (len(bare) == 1 and not bare.isalnum())
        or _NOTHING.fullmatch(value)
        or _NOTHING.fullmatch(bare)
    ):
        return False
    spoken = not quoted or tells is Tells.LIKELY
    if spoken and (bare.lower() in _PROSE or _CODE.fullmatch(value)):
        return False
    if tells is Tells.SURELY:
        return _FILE.fullmatch(bare) is None
    if tells is Tells.LIKELY:
        return len(bare) >= 3 and not (_NUMBER.fullmatch(bare) or _FILE.fullmatch(bare))
    if " " in bare:
        return False  # words
    if len(bare) >= 10 and bare.isalnum() and not bare.isalpha() and not bare.isdigit():
        return True
    return len(bare) >= 6 and not (_PLAIN.fullmatch(bare) or _FILE.fullmatch(bare))
