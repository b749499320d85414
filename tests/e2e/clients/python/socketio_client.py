"""The client python-socketio, version 5 or 4: socketio_client.py PORT TRANSPORT EVENTS…"""
import logging
import sys

import socketio

from line import answer_all, say

port, transport, *events = sys.argv[1:]
logging.basicConfig(level=logging.WARNING)  # why a connection ended; a failing test shows it
client = socketio.Client(
    engineio_logger=logging.getLogger("engineio"), reconnection_delay=0.1, reconnection_delay_max=0.5, randomization_factor=0)
transports = ["polling", "websocket"] if transport == "upgrade" else [transport]


@client.event
def connect():
    say(what="connected", id=client.get_sid() if hasattr(client, "get_sid") else client.sid)


@client.event
def disconnect(*_):
    say(what="disconnected")


for event in events:
    client.on(event, lambda *arguments, event=event: say(what="heard", event=event, arguments=arguments))

answer_all({
    "connect": lambda: client.connect(f"http://127.0.0.1:{port}", transports=transports),
    "emit": lambda event, data: client.emit(event, data),
    "call": lambda event, data: client.call(event, data, timeout=10),
})
