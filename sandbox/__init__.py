"""Local imitations of the outside APIs, over real HTTP: `python -m sandbox --port N`.

One synthetic market (`market`) is served by a native API (`services/market`) and by imitations of the
vendors, one file each. `faults` says what can go wrong, `breakage` breaks answers on the wire, `feed` breaks
market data, `records` keeps what was asked and what was received. Every answer carries `X-Sandbox: 1`.

Only `python -m sandbox` and the tests import this package; nothing else in the product does.
"""
