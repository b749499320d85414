"""The client Pysher: pysher_client.py PORT KEY SECRET USER. It signs for itself, as its documentation shows."""
import queue
import sys

import pysher

from line import answer_all, say

port, key, secret, user = sys.argv[1:]
client = pysher.Pusher(key, secure=False, custom_host="127.0.0.1", port=int(port), secret=secret, user_data={"user_id": user}, auto_sub=True, reconnect_interval=0.2)
waiting = queue.Queue()


def bind(channel, events):
    bound = client.subscribe(channel)
    bound.bind("pusher_internal:subscription_succeeded", lambda data: say(what="subscribed", channel=channel, data=data))
    bound.bind("pusher_internal:member_added", lambda data: say(what="joining", channel=channel, data=data))
    for event in events:
        bound.bind(event, lambda data, event=event: say(what="event", channel=channel, event=event, data=data))


# On Pysher's own thread, as in its documentation: elsewhere an answer can come before anything is bound.
def subscribe(channel, events):
    waiting.put((channel, events))
    client.connection.send_ping()


def subscribe_now(_):
    while not waiting.empty():
        bind(*waiting.get())


client.connection.bind("pusher:connection_established", lambda _: say(what="connected", id=client.connection.socket_id))
client.connection.bind("pusher:pong", subscribe_now)
answer_all({
    "connect": client.connect,
    "subscribe": subscribe,
    "unsubscribe": client.unsubscribe,
    "trigger": lambda channel, event, data: client.channel(channel).trigger(event, data),
})
