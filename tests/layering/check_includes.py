#!/usr/bin/env python3
"""Holds the one arrow of ARCHITECTURE.md: reads every #include and says who may not see whom.

check_includes.py ROOT            checks the tree; prints a sentence for each breach
check_includes.py ROOT --selftest checks that the checker catches breaches
"""
import pathlib
import re
import sys

# Folder -> project folders it may include. The longest matching folder counts.
MAY_SEE = {
    "core": ["core"],
    "schemas": ["core", "schemas"],
    "storage": ["core", "storage"],
    "cluster": ["core", "schemas", "storage", "cluster"],
    "cluster/transport.h": ["core"],  # bytes and addresses: what they mean is not its affair
    "cluster/peers.h": ["core", "cluster/transport.h"],  # the actors see no envelope
    "cluster/caf_transport": ["core", "schemas/peer/hello.h", "cluster/transport.h", "cluster/caf_transport"],
    "cluster/machine": ["core", "schemas", "storage", "cluster/machine"],
    # Only the group sees the consensus core's ABI.
    "cluster/raft": ["core", "schemas", "storage", "cluster/raft/group.h", "cluster/raft/group_store.h",
                     "cluster/raft/group_set.h"],
    "cluster/raft/core/praft.h": [],
    "cluster/raft/core_values.h": ["core", "cluster/raft/core/praft.h"],
    "cluster/raft/core_values.cpp": ["core", "cluster/raft/core_values.h"],
    "cluster/raft/group.cpp": ["core", "cluster/raft/group.h", "cluster/raft/core_values.h"],
    "cluster/reads": ["core", "schemas", "storage", "cluster/machine", "cluster/reads", "cluster/shard.h"],
    # What is copied knows the messages of the consensus, not the groups.
    "cluster/snapshots": ["core", "schemas", "storage", "cluster/snapshots"],
    "cluster/membership": ["core", "cluster/membership", "cluster/peers.h", "cluster/transport.h"],
    "cluster/placement": ["core", "cluster/placement"],  # of gossip and groups it is shown plain values
    "actors": ["core", "cluster", "actors"],
    # net, from the bytes up: what is pure first, then what has sockets.
    "net/protocol.h": ["core"],
    "net/text": ["core", "net/text"],
    "net/json": ["core", "net/json"],
    "net/auth": ["core", "net/auth", "net/text"],
    "net/session": ["core", "net/auth", "net/json", "net/session", "net/protocol.h"],
    "net/pusher": ["core", "net/json", "net/text", "net/session", "net/pusher", "net/protocol.h"],
    "net/socketio": ["core", "net/auth", "net/json", "net/text", "net/session", "net/socketio", "net/protocol.h"],
    "net/address": ["core", "net/address"],
    "net/socket": ["core", "net/socket"],
    "net/hub": ["core", "net/socket", "net/hub", "net/protocol.h", "actors/gateway.h"],
    "net/websocket": ["core", "net/address", "net/socket", "net/hub", "net/session", "net/pusher", "net/websocket",
                      "net/protocol.h"],
    "net/http": ["core", "net/address", "net/auth", "net/text", "net/hub", "net/websocket", "net/http"],
    "net/engine": ["core", "net/address", "net/text", "net/hub", "net/session", "net/socketio", "net/websocket",
                   "net/http", "net/engine", "net/protocol.h"],
    "net/rest": ["core", "net/address", "net/auth", "net/json", "net/session", "net/http", "net/rest"],
    "net/outbound": ["core", "net/address", "net/auth", "net/json", "net/hub/application_asker.h", "net/outbound",
                     "net/protocol.h", "actors/gateway.h"],
    "net/redis": ["core", "net/json", "net/text", "net/redis", "actors/gateway.h"],
    "net/client": ["core", "net/auth", "net/socket", "net/client"],
    "net": ["core", "net", "actors/gateway.h"],
    "server/config": ["core", "net/auth", "net/json", "net/client/socket.h", "net/redis/input.h", "server/config"],
    "server/demo": ["core", "net/auth", "net/http", "net/json", "net/rest", "server/config", "server/demo"],
    "server/commands": ["core", "net/auth", "net/client", "net/json", "net/text", "server"],
    "server": ["core", "storage", "cluster", "actors", "net", "server"],
}
CAF_USERS = ["actor_context", "actor_steps", "messages", "router", "shard_actor", "system", "channel/channel_actor",
             "people/user_actor", "people/watchlists_actor", "webhooks/webhook_actor"]
CAF = [f"actors/{name}" for name in CAF_USERS]

# Third-party header -> the only places it may appear. First match counts; tests and bench are free.
HOMES = [
    # The rules (channel, user, webhook queue) do without it.
    (r"caf/(io|policy|openssl)/", ["cluster/caf_transport/"]),  # links between nodes
    (r"caf/", CAF + ["cluster/caf_transport/"]),
    (r"boost/(asio|beast)", ["net/"]),
    (r"boost/json", ["net/socketio/kept.cpp", "server/config/flat_json.cpp"]),
    (r"boost/system", ["core/", "net/"]),
    (r"boost/", ["net/"]),
    (r"openssl/", ["cluster/caf_transport/", "net/auth/", "net/socket/", "net/client/", "net/outbound/auth_exchange.cpp"]),
    (r"curl/", ["net/outbound/http_caller"]),
    (r"hiredis/", ["net/redis/link.cpp"]),
    (r"rocksdb/", ["storage/"]),
    (r"(capnp|kj)/|.*\.capnp\.h$", ["schemas/"]),
    (r"prometheus/", ["core/metrics.cpp"]),
    (r"spdlog/", ["core/log.cpp"]),
    (r"CLI/|toml\+\+/", ["server/"]),
    (r"gtest/|gmock/|benchmark/", []),
    (r"fmt/", [""]),
]
# The pure protocol folders know neither sockets nor TLS. What checks keys leaves OpenSSL's queue of errors clean.
NEVER_IN_PROTOCOLS = r"boost/(asio|beast)|openssl/(ssl|err|x509)|sys/socket|unistd"
PROTOCOL_FOLDERS = {
    "net/auth/": NEVER_IN_PROTOCOLS.replace("|err", ""),
    "net/json/": NEVER_IN_PROTOCOLS,
    "net/pusher/": NEVER_IN_PROTOCOLS,
    "net/session/": NEVER_IN_PROTOCOLS,
    "net/socketio/": NEVER_IN_PROTOCOLS,
    "net/text/": NEVER_IN_PROTOCOLS,
}

LAYERS = [folder for folder in MAY_SEE]
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
CLOCK = re.compile(r"\b(?:steady_clock|system_clock|high_resolution_clock)\s*::\s*now\b|\b(?:::time|std::time)\s*\(|\bgettimeofday\b|\bclock_gettime\b")


def layer_of(path):
    if path in MAY_SEE:
        return path
    parts = path.split("/")
    for length in (2, 1):
        folder = "/".join(parts[:length])
        if len(parts) > length and folder in MAY_SEE:
            return folder
    return None


def breaches_of(path, text):
    layer = layer_of(path)
    if layer is None:
        return
    allowed = MAY_SEE[layer]
    for bracket, header in INCLUDE.findall(text):
        top = header.split("/")[0]
        if bracket == '"' and "/" not in header and not header.endswith(".capnp.h"):  # those are generated
            yield f"{path} includes \"{header}\": write the path from the root"
            continue
        if "/" in header and top in {folder.split("/")[0] for folder in LAYERS} and not header.endswith(".capnp.h"):
            seen = [a for a in allowed if header == a or header.startswith(a + "/")]
            if not seen:
                yield f"{path} may not include {header}"
            continue
        for pattern, homes in HOMES:
            if re.match(pattern, header):
                if not any(path.startswith(home) for home in homes):
                    where = ", ".join(homes) or "tests and bench"
                    yield f"{path} may not include <{header}>: its home is {where}"
                break
        if any(path.startswith(folder) and re.match(never, header) for folder, never in PROTOCOL_FOLDERS.items()):
            yield f"{path} may not include <{header}>: protocol folders do no I/O"
    if path != "core/clock.cpp":
        code = re.sub(r"//[^\n]*|\"(?:\\.|[^\"\\])*\"", "", text)
        for found in CLOCK.findall(code):
            yield f"{path} asks the system for the time ({found.strip()}): take a Clock or a `now` (core/clock.h)"


def breaches(root):
    count = 0
    for layer in sorted({folder.split("/")[0] for folder in LAYERS}):
        for file in sorted((root / layer).rglob("*")):
            if file.suffix in (".h", ".cpp"):
                count += 1
                yield from breaches_of(file.relative_to(root).as_posix(), file.read_text())
    if count < 20:
        yield f"only {count} files were found below {root}: is this the repository?"


def selftest():
    cases = [
        ("net/x.h", '#include "storage/y.h"', "net/x.h may not include storage/y.h"),
        ("net/x.h", '#include "actors/channel/channel.h"', "net/x.h may not include actors/channel/channel.h"),
        ("net/x.h", '#include "actors/gateway.h"', None),
        ("net/pusher/x.cpp", '#include "net/hub/hub.h"', "net/pusher/x.cpp may not include net/hub/hub.h"),
        ("net/pusher/x.cpp", '#include "net/protocol.h"', None),
        ("net/session/x.cpp", '#include "net/pusher/codec.h"', "net/session/x.cpp may not include net/pusher/codec.h"),
        ("net/socketio/x.cpp", '#include "net/pusher/codec.h"', "net/socketio/x.cpp may not include net/pusher/codec.h"),
        ("net/hub/x.cpp", '#include "net/http/handler.h"', "net/hub/x.cpp may not include net/http/handler.h"),
        ("net/rest/x.cpp", '#include "net/engine/session.h"', "net/rest/x.cpp may not include net/engine/session.h"),
        ("cluster/transport.h", '#include "schemas/peer/envelope.h"', "cluster/transport.h may not include schemas/peer/envelope.h"),
        ("cluster/peers.h", '#include "schemas/peer/envelope.h"', "cluster/peers.h may not include schemas/peer/envelope.h"),
        ("cluster/peers.cpp", '#include "schemas/peer/envelope.h"', None),
        ("actors/x.cpp", '#include "schemas/peer/envelope.h"', "actors/x.cpp may not include schemas/peer/envelope.h"),
        ("cluster/machine/x.cpp", '#include "cluster/reads/read_queue.h"', "cluster/machine/x.cpp may not include cluster/reads/read_queue.h"),
        ("cluster/membership/x.cpp", '#include "schemas/peer/envelope.h"', "cluster/membership/x.cpp may not include schemas/peer/envelope.h"),
        ("cluster/membership/x.cpp", '#include "cluster/peers.h"', None),
        ("cluster/placement/x.cpp", '#include "cluster/membership/swim.h"', "cluster/placement/x.cpp may not include cluster/membership/swim.h"),
        ("cluster/raft/x.cpp", '#include "cluster/raft/core/praft.h"', "cluster/raft/x.cpp may not include cluster/raft/core/praft.h"),
        ("cluster/raft/x.cpp", '#include "cluster/shard.h"', "cluster/raft/x.cpp may not include cluster/shard.h"),
        ("cluster/raft/group.cpp", '#include "cluster/raft/core_values.h"', None),
        ("cluster/snapshots/x.cpp", '#include "cluster/raft/group.h"', "cluster/snapshots/x.cpp may not include cluster/raft/group.h"),
        ("net/session/x.cpp", '#include "net/auth/token.h"', None),
        ("net/auth/x.cpp", '#include "net/pusher/codec.h"', "net/auth/x.cpp may not include net/pusher/codec.h"),
        ("net/auth/x.cpp", "#include <boost/asio.hpp>", "net/auth/x.cpp may not include <boost/asio.hpp>: protocol folders do no I/O"),
        ("net/pusher/x.cpp", "#include <boost/asio.hpp>", "net/pusher/x.cpp may not include <boost/asio.hpp>: protocol folders do no I/O"),
        ("net/x.cpp", "#include <boost/beast/core.hpp>", None),
        ("core/x.h", '#include "storage/store.h"', "core/x.h may not include storage/store.h"),
        ("actors/x.h", '#include "net/hub/hub.h"', "actors/x.h may not include net/hub/hub.h"),
        ("net/x.cpp", "#include <caf/all.hpp>", "net/x.cpp may not include <caf/all.hpp>: its home is actors/"),
        ("actors/router.cpp", "#include <caf/io/all.hpp>", "actors/router.cpp may not include <caf/io/all.hpp>: its home is cluster/caf_transport/"),
        ("cluster/caf_transport/x.cpp", "#include <caf/io/broker.hpp>", None),
        ("cluster/peers.cpp", "#include <caf/all.hpp>", "cluster/peers.cpp may not include <caf/all.hpp>"),
        ("cluster/caf_transport/x.cpp", '#include "cluster/peers.h"', "cluster/caf_transport/x.cpp may not include cluster/peers.h"),
        ("cluster/x.cpp", "#include <rocksdb/db.h>", "cluster/x.cpp may not include <rocksdb/db.h>: its home is storage/"),
        ("net/x.cpp", "#include <curl/curl.h>", "net/x.cpp may not include <curl/curl.h>: its home is net/outbound/http_caller"),
        ("net/outbound/http_caller.cpp", "#include <curl/curl.h>", None),
        ("net/redis/input.cpp", "#include <hiredis/hiredis.h>", "net/redis/input.cpp may not include <hiredis/hiredis.h>: its home is net/redis/link.cpp"),
        ("net/redis/link.cpp", "#include <hiredis/hiredis.h>", None),
        ("storage/x.cpp", '#include "record.capnp.h"', "storage/x.cpp may not include <record.capnp.h>: its home is schemas/"),
        ("storage/x.cpp", '#include "store.h"', 'storage/x.cpp includes "store.h": write the path from the root'),
        ("core/log.cpp", "#include <prometheus/counter.h>", "core/log.cpp may not include <prometheus/counter.h>: its home is core/metrics.cpp"),
        ("server/x.cpp", "#include <gtest/gtest.h>", "server/x.cpp may not include <gtest/gtest.h>: its home is tests and bench"),
        ("net/x.cpp", "auto t = std::chrono::steady_clock::now();", "asks the system for the time"),
        ("net/x.cpp", "// steady_clock::now() would be wrong here", None),
        ("tests/unit/net/x.cpp", '#include "storage/y.h"', None),
    ]
    wrong = 0
    for path, text, wanted in cases:
        found = "; ".join(breaches_of(path, text))
        if (wanted is None and found) or (wanted is not None and wanted not in found):
            print(f"selftest: {path} with {text!r}: expected {wanted!r}, got {found!r}")
            wrong += 1
    return wrong


def main():
    if "--selftest" in sys.argv:
        return 1 if selftest() else 0
    found = list(breaches(pathlib.Path(sys.argv[1])))
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
