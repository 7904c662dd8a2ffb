"""GeckoTerminal, CoinGecko's prices of tokens on chains, without a key. https://www.geckoterminal.com/dex-api"""

from include.http import MINUTE, Limit, Service

SERVICES = (Service("geckoterminal", "https://api.geckoterminal.com/api/v2", limits=(Limit(30, MINUTE),)),)
