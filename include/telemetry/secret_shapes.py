"""Secrets that their own shape gives away: tokens that begin like a service's, private keys, bot tokens.

A kind is listed once, as its beginnings and what follows them; whether it is looked for and what is looked
for are both made of that one line, so nothing can be listed and never run. Every expression is linear: what
follows a beginning either consumes all it scans, or is bounded.
"""

import re
from dataclasses import dataclass
from functools import cached_property

MASK = "***"


def _not_behind(characters: str) -> str:
    """At a place that none of these stands before, unless as the end of an escape (`\\n`, `%3D`)."""
    return rf"(?:(?<![{characters}])|(?<=\\[nrt])|(?<=%[0-9A-Fa-f]{{2}}))"


_BEFORE = _not_behind("A-Za-z0-9")
_AFTER = r"(?![A-Za-z0-9])"
_NUMBERED = r"(?=[\w-]{0,40}\d)"  # words are not


@dataclass(frozen=True, eq=False)
class Shape:
    """Tokens of one service: `before`, one of `marks`, literally, and `rest`; the others are expressions."""

    service: str
    marks: tuple[str, ...]
    rest: str
    before: str = _BEFORE

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The whole token. It holds one of the marks, so a text without them need not be searched."""
        return re.compile(f"{self.before}(?:{'|'.join(map(re.escape, self.marks))}){self.rest}")


def _shape(service: str, marks: str, rest: str, before: str = _BEFORE) -> Shape:
    return Shape(service, tuple(marks.split()), rest, before)


SHAPES = (
    _shape("age", "AGE-SECRET-KEY-1 AGE-SECRET-KEY-PQ-1", r"\w+"),
    _shape("Adafruit", "aio_", r"[A-Za-z0-9]{28}" + _AFTER),
    _shape("Airtable", "pat", r"[A-Za-z0-9]{14}\.[0-9a-f]{40,}+"),
    _shape("Alibaba Cloud", "LTAI", r"[A-Za-z0-9]{12,}+"),
    _shape("Anthropic", "sk-ant-", r"[\w-]{8,}+"),
    _shape("Atlassian", "ATATT3 ATCTT3 ATBB", r"[\w=-]{16,}+"),
    _shape("AWS", "AKIA ASIA AIDA AROA ABIA ACCA", r"[A-Z0-9]{16}" + _AFTER),
    _shape("AWS Bedrock", "ABSK", r"[\w+/=]{60,}+"),
    _shape("Azure", "Q~", r"[\w~.-]{31,34}" + _AFTER, _not_behind(r"\w~.-") + r"[\w~.-]{3}\d"),
    _shape("Braintree", "access_token$production$ access_token$sandbox$", r"[0-9a-z$]{30,}+"),
    _shape("Brevo", "xkeysib- xsmtpsib-", r"[\w-]{20,}+"),
    _shape("Buildkite", "bkua_", r"[A-Za-z0-9]{20,}+"),
    _shape("Cerebras", "csk-", _NUMBERED + r"[a-z0-9]{40,}+"),
    _shape("CircleCI", "CCIPAT_ CCIPRJ_", r"\w{16,}+"),
    _shape("Clojars", "CLOJARS_", r"[0-9a-f]{40,}+"),
    _shape("Cloudflare", "v1.0-", r"[0-9a-f]{24}-[0-9a-f]{60,}+"),
    _shape("Cloudflare API", "cfut_ cfat_ cfk_", r"\w{20,}+"),
    _shape("CoinGecko", "CG-", _NUMBERED + r"[A-Za-z0-9]{22,}+"),
    _shape("Contentful", "CFPAT-", r"[\w-]{20,}+"),
    _shape("Databricks", "dapi dkea dose", r"[0-9a-f]{32}(?:-\d)?" + _AFTER),
    _shape("Datadog", "ddapp_ ddapi_ ddpat_", r"\w{20,}+"),
    _shape("DigitalOcean", "dop_v1_ doo_v1_ dor_v1_", r"[0-9a-f]{32,}+"),
    _shape("Discord", ".", r"[\w-]{6}\.[\w-]{27,}+", _not_behind(r"\w.-") + r"[MNO][\w-]{22,28}"),
    _shape("Docker Hub", "dckr_pat_ dckr_oat_", r"[\w-]{16,}+"),
    _shape("Doppler", "dp.pt. dp.st. dp.ct. dp.sa. dp.scim. dp.audit.", r"[\w.-]{16,}+"),
    _shape("Dropbox", "sl. sl.u.", _NUMBERED + r"[\w-]{60,}+"),
    _shape("Duffel", "duffel_test_ duffel_live_", r"[\w=-]{30,}+"),
    _shape("Dynatrace", "dt0c01. dt0s01.", r"[\w.-]{20,}+"),
    _shape("EasyPost", "EZAK EZTK", r"[A-Za-z0-9]{50,}+"),
    _shape("ElevenLabs and others", "sk_", _NUMBERED + r"[0-9a-f]{32,}+" + _AFTER),
    _shape("Facebook", "EAACEdEose0cBA EAAB EAAG EAAD", r"[A-Za-z0-9]{40,}+"),
    _shape("Figma", "figd_ figo_ figu_", r"[\w-]{16,}+"),
    _shape("Fly.io", "fm1_ fm2_ fo1_ fm1r_ fm2r_", r"[\w+/=,-]{20,}+"),
    _shape("GitHub", "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_", r"\w{20,}+"),
    _shape("GitLab", "glpat- gldt- glrt- glcbt- glptt- glft- glimt- glagent- gloas- glsoat- glffct-",
           r"[\w.-]{16,}+"),
    _shape("GitLab, runners before 2023", "GR1348941", r"[\w-]{16,}+"),
    _shape("Google", "AIza", r"[\w-]{30,}+"),
    _shape("Google OAuth", "ya29. GOCSPX- 1//0", r"[\w-]{16,}+"),
    _shape("Grafana", "glsa_ glc_", r"[\w+/=-]{20,}+"),
    _shape("Groq, xAI, Perplexity, NVIDIA, Replicate", "gsk_ xai- pplx- nvapi- r8_", r"[A-Za-z0-9_-]{24,}+"),
    _shape("HashiCorp Vault", "hvs. hvb. hvr.", r"[\w-]{16,}+"),
    _shape("Heroku", "HRKU-", r"[\w-]{20,}+"),
    _shape("HubSpot", "pat-na1- pat-na2- pat-eu1-", r"[0-9a-f-]{30,}+"),
    _shape("Hugging Face", "hf_ api_org_", r"[A-Za-z0-9]{20,}+"),
    _shape("JFrog", "AKCp cmVmdGtuOjAx", r"[A-Za-z0-9]{20,}+"),
    # Its parts are scanned up to their end, so it begins where nothing of its kind stands before it.
    _shape("JSON Web Token", "eyJ", r"(?:[\w-]{8,}+(?:\.[\w-]+){1,4}+\.?|hbGciOi[\w-]*+)",
           _not_behind(r"\w.-")),
    _shape("LangSmith", "lsv2_pt_ lsv2_sk_", r"\w{20,}+"),
    _shape("Linear", "lin_api_ lin_oauth_", r"[A-Za-z0-9]{16,}+"),
    _shape("Lob", "live_ test_", r"[0-9a-f]{35}" + _AFTER),
    _shape("Mailgun", "key-", r"[0-9a-f]{32}" + _AFTER),
    _shape("Mailchimp", "-us", r"\d{1,2}" + _AFTER, _not_behind(r"\w-") + r"[0-9a-f]{32}"),
    _shape("Mapbox", "sk.eyJ tk.eyJ", r"[\w-]{8,}+\.[\w-]{8,}+"),
    _shape("Neon", "napi_", r"[a-z0-9]{32,}+"),
    _shape("Netlify", "nfp_ nfc_ nfo_ nfb_", r"[A-Za-z0-9]{24,}+"),
    _shape("New Relic", "NRAK- NRAA- NRJS- NRII- NRIQ- NRSP- NRRA-", r"[\w-]{16,}+"),
    _shape("Notion", "ntn_", r"[A-Za-z0-9]{20,}+"),
    _shape("Notion, before 2024", "secret_", r"(?=[A-Za-z0-9]{0,40}\d)[A-Za-z0-9]{40,}+"),
    _shape("npm", "npm_", r"[A-Za-z0-9]{30,}+"),
    _shape("NuGet", "oy2", r"[a-z0-9]{43}" + _AFTER),
    _shape("OpenAI's by kind", "sk-proj- sk-svcacct- sk-admin- sk-or- sk-lf-", r"[\w-]{16,}+"),
    _shape("OpenAI and its imitators", "sk-", r"(?=[A-Za-z0-9]{20}|[\w-]{0,60}\d)[\w-]{16,}+"),
    _shape("1Password", "ops_eyJ", r"[\w+/=-]{20,}+"),
    _shape("Pinecone, Tavily, Together", "pcsk_ tvly- tgp_v1_", r"[\w-]{20,}+"),
    _shape("Plaid", "access-sandbox- access-development- access-production-", r"[0-9a-f-]{30,}+"),
    _shape("PlanetScale", "pscale_tkn_ pscale_pw_ pscale_oauth_", r"[\w.-]{20,}+"),
    _shape("Postman", "PMAK- PMAT-", r"[\w-]{20,}+"),
    _shape("Prefect", "pnu_ pnb_", r"[A-Za-z0-9]{30,}+"),
    _shape("Pulumi", "pul-", r"[0-9a-f]{40}" + _AFTER),
    _shape("PyPI", "pypi-Ag", r"[\w-]{16,}+"),
    _shape("Razorpay", "rzp_live_ rzp_test_", r"[A-Za-z0-9]{10,}+"),
    _shape("ReadMe", "rdme_", r"[a-z0-9]{40,}+"),
    _shape("Resend", "re_", r"(?=[A-Za-z0-9]{8}_[A-Za-z0-9]{20})\w{28,}+"),
    _shape("RubyGems", "rubygems_", r"[0-9a-f]{40,}+"),
    _shape("SendGrid", "SG.", r"[\w-]{10,}+\.[\w-]{10,}+"),
    _shape("Sentry", "sntrys_ sntryu_", r"[\w+/=-]{20,}+"),
    _shape("Shopify", "shpat_ shpca_ shppa_ shpss_ shptka_", r"[0-9A-Za-z]{16,}+"),
    _shape("Slack", "xoxa- xoxb- xoxc- xoxd- xoxe- xoxo- xoxp- xoxr- xoxs- xoxe.xoxp- xoxe.xoxb- xapp- xwfp-",
           r"[\w%-]{8,}+"),
    _shape("SonarQube", "sqp_ squ_ sqa_", r"[0-9a-f]{40}" + _AFTER),
    _shape("Square", "sq0atp- sq0csp- sq0idp-", r"[\w-]{16,}+"),
    _shape("Square access", "EAAA", r"[\w-]{50,}+"),
    _shape("Stripe", "sk_live_ sk_test_ rk_live_ rk_test_ pk_live_ pk_test_ whsec_", r"[\w+/=]{8,}+"),
    _shape("Supabase", "sbp_ sb_secret_", r"\w{20,}+"),
    _shape("Tailscale", "tskey-", r"[\w-]{12,}+"),
    _shape("Tencent Cloud", "AKID", r"[A-Za-z0-9]{13,40}" + _AFTER),
    _shape("tradeops", "top_", r"[\w-]{43}"),
    _shape("Twilio", "SK AC", r"[0-9a-f]{32}" + _AFTER),
    _shape("Telegram", ":", r"[\w-]{30,}+", _not_behind(r"\w:.-") + r"(?:bot)?\d{6,12}"),
    _shape("Terraform", ".atlasv1.", r"[\w-]{40,}+", _not_behind(r"\w") + r"\w{14}"),
    _shape("Typeform", "tfp_", r"[\w.-]{40,}+"),
    _shape("Vercel", "vcp_ vci_ vca_ vcr_ vck_", r"\w{20,}+"),
    _shape("Yandex Cloud", "AQVN y0_ t1.", r"(?=[\w.-]{0,40}\d)[\w.-]{35,}+"),
)  # fmt: skip
# By a character that the mark holds: a text without it need not be searched for those marks.
_MARKED = {
    joiner: [
        (mark, shape)
        for shape in SHAPES
        for mark in shape.marks
        if joiner == next((c for c in "_-" if c in mark), "")
    ]
    for joiner in ("_", "-", "")
}

_KEY_NAME = r"[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?"
_PRIVATE_KEY = re.compile(
    rf"-{{4,5}} ?BEGIN {_KEY_NAME} ?-{{4,5}}.*?(?:-{{4,5}} ?END {_KEY_NAME} ?-{{4,5}}|\Z)", re.DOTALL
)
_KEY_END = re.compile(rf"-----END {_KEY_NAME}-----")
_KEY_LINES = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/= \t\r\n\\"
_KEY_LINE = re.compile(r"[A-Za-z0-9+/=]{16}")
_PUTTY = re.compile(r"(Private-(?:Lines|MAC|Hash): ?)\w+(?:(?:\r?\n|\\r?\\?n)[A-Za-z0-9+/=]{8,}+)*")


def mask_private_keys(text: str) -> str:
    """Mask private keys, cut ones too."""
    if "PRIVATE KEY" in text:
        text = _mask_key_ends(_PRIVATE_KEY.sub(MASK, text))
    if "Private-" in text:
        text = _PUTTY.sub(rf"\1{MASK}", text)
    return text


def mask_tokens(text: str) -> str:
    """Mask tokens that look like a known service's."""
    found = [
        shape
        for joiner, marked in _MARKED.items()
        if joiner in text
        for mark, shape in marked
        if mark in text
    ]
    for shape in dict.fromkeys(found):
        text = shape.pattern.sub(MASK, text)
    return text


def _mask_key_ends(text: str) -> str:
    """A private key whose beginning was cut off: the lines of base64 before its end."""
    pieces: list[str] = []
    done = 0
    for end in _KEY_END.finditer(text):
        before = text[done : end.start()]
        first = _KEY_LINE.search(before, len(before.rstrip(_KEY_LINES)))
        pieces += (before[: first.start()], MASK) if first else (before, end[0])
        done = end.end()
    return "".join([*pieces, text[done:]])
