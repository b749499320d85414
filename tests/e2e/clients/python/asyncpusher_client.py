"""The client asyncpusher: asyncpusher_client.py PORT KEY AUTHORIZATION_URL USER. It keeps its connection alive by WebSocket
pings alone, of which it sends the first after two minutes; no test has so much time, so here it is a second."""
import asyncio
import json
import sys

import aiohttp
import asyncpusher

from line import say

port, key, url, user = sys.argv[1:]


async def authorize(question):
    async with aiohttp.ClientSession() as session:
        async with session.post(url, data=question, headers={"X-User": user}) as answer:
            return await answer.json()


async def main():
    client = asyncpusher.Pusher(key, custom_host="127.0.0.1", custom_port=int(port), secure=False, channel_authenticator=authorize, auto_sub=True)

    async def connected(data):
        say(what="connected", id=data["socket_id"])

    async def subscribe(channel, events):
        bound = await client.subscribe(channel)

        async def subscribed(data):
            say(what="subscribed", channel=channel, data=data)

        bound.bind("pusher_internal:subscription_succeeded", subscribed)
        for event in events:
            async def heard(data, event=event):
                say(what="event", channel=channel, event=event, data=data)

            bound.bind(event, heard)

    async def trigger(channel, event, data):
        await client.channels[channel].trigger({"event": event, "data": data})

    client.connection._activity_timeout = 1
    client.connection.bind("pusher:connection_established", connected)
    handlers = {"connect": client.connect, "subscribe": subscribe, "unsubscribe": client.unsubscribe, "trigger": trigger}
    while line := await asyncio.to_thread(sys.stdin.readline):
        parameters = json.loads(line)
        try:
            say(answer=await handlers[parameters.pop("do")](**parameters))
        except Exception as failure:
            say(error=f"{type(failure).__name__}: {failure}")


asyncio.run(main())
