"""Many clients at once, at two servers over one database: nobody loses an answer."""

import asyncio

import httpx

from tests.support.reading import insert_whole
from tests.support.web import listening, make_api

CLIENTS = 200


def test_two_hundred_clients_at_once_are_all_answered(database):
    """Far more than the ten connections that the two servers hold for what each request asks."""
    trade = str(insert_whole(database))
    workers = [make_api(database, api_requests_per_minute=100_000) for _ in range(2)]
    key = workers[0].key("read")

    async def ask(client: httpx.AsyncClient, number: int) -> bool:
        answer = await client.get(f"/api/atge/trades?limit={1 + number % 100}", headers={"X-API-Key": key})
        return answer.status_code == 200 and answer.json()["trades"][0]["id"] == trade

    async def crowd(urls: list[str]) -> list[bool]:
        limits = httpx.Limits(max_connections=CLIENTS)
        clients = [httpx.AsyncClient(base_url=url, timeout=120, limits=limits) for url in urls]
        try:
            return await asyncio.gather(*(ask(clients[number % 2], number) for number in range(CLIENTS)))
        finally:
            for client in clients:
                await client.aclose()

    with listening(workers[0].server) as first, listening(workers[1].server) as second:
        assert asyncio.run(crowd([first, second])) == [True] * CLIENTS
