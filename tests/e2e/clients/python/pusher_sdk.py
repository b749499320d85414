"""The server SDK `pusher`: pusher_sdk.py PORT APP_ID KEY SECRET."""
import sys

import pusher

from line import answer_all

port, app_id, key, secret = sys.argv[1:]
sdk = pusher.Pusher(app_id=app_id, key=key, secret=secret, host="127.0.0.1", port=int(port), ssl=False)


def authorize(socket_id, channel, member=None):
    return sdk.authenticate(channel=channel, socket_id=socket_id, custom_data=member)


def webhook(key, signature, body):
    content = sdk.validate_webhook(key=key, signature=signature, body=body)
    if content is None:
        raise ValueError("not a webhook of this application")
    return content


answer_all({
    "trigger": lambda channels, event, data, socket_id=None: sdk.trigger(channels, event, data, socket_id),
    "batch": lambda events: sdk.trigger_batch(events),
    "channels": lambda prefix, info=(): sdk.channels_info(prefix, list(info))["channels"],
    "channel": lambda channel, info=(): sdk.channel_info(channel, list(info)),
    "users": lambda channel: [user["id"] for user in sdk.users_info(channel)["users"]],
    "authorize": authorize,
    "webhook": webhook,
})
