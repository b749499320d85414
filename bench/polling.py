#!/usr/bin/env python3
"""What polling costs, and what a socket costs: the same people on the chat of examples/chat, first asking every three seconds, then told.

    bench/polling.py                            # 50 people, two minutes each way; prints a table in Markdown
    bench/polling.py --seconds 30 --people 20

Each way has a fresh chat (Laravel, PHP-FPM, queue worker, nginx, Parley; without Next.js) with 50 messages in it, and the same messages are sent
at the same times by the same people. A page asks what the example's pages ask: first who one is, the messages, the people and what is unread;
then, polling, the last three of these every three seconds (frontend/src/hooks/usePolling.js), or, by the Pusher protocol, it signs in and joins
the domain, its presence channel and the channel of its own. Sockets and headers are those of a browser: one connection for requests, kept, and a
cookie. Marks of what was read are left out on both sides.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parent.parent
BACKEND = ROOT / "examples/chat/backend"
TICKS = os.sysconf("SC_CLK_TCK")
POLL_SECONDS = 3.0
ARRIVE_SECONDS = 3.0
MESSAGES_BEFORE = 50
DOMAIN = 1
LAST_WORD_SECONDS = 10.0  # nobody speaks this shortly before the end, so that every page can have heard it

# As Chromium sends them.
BROWSER = (
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n"
    "Accept: */*\r\nAccept-Encoding: identity\r\nAccept-Language: en-GB,en;q=0.9\r\n"
)


class Traffic:
    """What went over a page's sockets, headers included."""

    def __init__(self) -> None:
        self.requests = 0
        self.frames = 0
        self.sent = 0
        self.received = 0


class Wire:
    """A connection that counts its bytes."""

    def __init__(self, traffic: Traffic, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.traffic, self.reader, self.writer = traffic, reader, writer

    @classmethod
    async def open(cls, traffic: Traffic, port: int) -> Wire:
        return cls(traffic, *await asyncio.open_connection("127.0.0.1", port, limit=1 << 22))

    def write(self, data: bytes) -> None:
        self.traffic.sent += len(data)
        self.writer.write(data)

    async def until(self, end: bytes) -> bytes:
        data = await self.reader.readuntil(end)
        self.traffic.received += len(data)
        return data

    async def exactly(self, count: int) -> bytes:
        data = await self.reader.readexactly(count)
        self.traffic.received += len(data)
        return data


class Site:
    """The chat, started by the example's own launcher."""

    def __init__(self, parley: Path) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="parley-polling-"))
        self.launcher = subprocess.Popen(
            ["node", str(ROOT / "examples/chat/start/example.js"), "--no-pages", "--parley", str(parley), "--directory", str(self.directory)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        ready = next((line for line in self.launcher.stdout if line.startswith("chat ready ")), None)
        if ready is None:
            raise SystemExit(f"the chat did not start: {self.launcher.stderr.read()}")
        self.port = int(ready.rsplit(":", 1)[1])
        self.key = json.loads((self.directory / "secrets.json").read_text())["app"]["key"]

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *_: object) -> None:
        self.launcher.send_signal(signal.SIGTERM)
        self.launcher.communicate(timeout=60)
        shutil.rmtree(self.directory, ignore_errors=True)

    def artisan(self, *args: str) -> None:
        backend = self.directory / "backend"
        env = {"PATH": os.environ["PATH"], "APP_ENV_DIRECTORY": str(backend), "LARAVEL_STORAGE_PATH": str(backend / "storage")}
        subprocess.run(["php", "artisan", *args], cwd=BACKEND, env=env, check=True, capture_output=True, timeout=120)

    def cpu(self) -> dict[str, float]:
        """Seconds used until now by each part, its workers and those that ended."""
        stats = {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    head, _, tail = (folder / "stat").read_text().rpartition(")")
                except OSError:
                    continue
                fields = tail.split()
                stats[int(folder.name)] = (head.split("(", 1)[1], int(fields[1]), fields)
        used: dict[str, float] = {}
        for pid, (name, parent, fields) in stats.items():
            if parent != self.launcher.pid:
                continue
            ticks = sum(map(int, fields[11:15]))  # its own and those of children that ended
            ticks += sum(sum(map(int, other[11:13])) for _, above, other in stats.values() if above == pid)
            used[name] = used.get(name, 0) + ticks / TICKS
        return {"PHP-FPM": used["php-fpm8.2"], "queue worker": used["php"], "nginx": used["nginx"], "Parley": used["parley"]}


class Page:
    """Somebody's tab."""

    def __init__(self, site: Site, number: int, meter: Meter) -> None:
        self.site, self.number, self.meter = site, number, meter
        self.traffic = Traffic()
        self.cookie = ""
        self.lock = asyncio.Lock()
        self.wire: Wire | None = None
        self.seen: set[int] = set()

    async def call(self, method: str, path: str, body: dict | str | None = None, headers: str = "") -> dict:
        async with self.lock:  # one connection, one request at a time
            if self.wire is None or self.wire.reader.at_eof():  # nginx closes those that were silent for 75 s
                self.wire = await Wire.open(self.traffic, self.site.port)
            data = b""
            if body is not None:
                form = isinstance(body, str)
                data = body.encode() if form else json.dumps(body).encode()
                headers += f"Content-Type: {'application/x-www-form-urlencoded' if form else 'application/json'}\r\nContent-Length: {len(data)}\r\n"
                headers += "X-Requested-With: XMLHttpRequest\r\n"
            head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.site.port}\r\n{BROWSER}{headers}"
            if self.cookie:
                head += f"Cookie: {self.cookie}\r\n"
            self.traffic.requests += 1
            self.wire.write(head.encode() + b"\r\n" + data)
            answer = (await self.wire.until(b"\r\n\r\n")).decode()
            status = int(answer.split(" ", 2)[1])
            text = await self.body(answer.lower())
        if status not in (200, 201):
            raise SystemExit(f"{method} {path}: {status} {text[:500]!r}")
        if cookie := re.search(r"^set-cookie: (chat_token=[^;]+)", answer, re.M | re.I):
            self.cookie = cookie[1]
        return json.loads(text)

    async def body(self, head: str) -> bytes:
        assert self.wire
        if length := re.search(r"^content-length: (\d+)", head, re.M):
            return await self.wire.exactly(int(length[1]))
        text = b""
        while size := int((await self.wire.until(b"\r\n")).strip(), 16):
            text += (await self.wire.exactly(size + 2))[:-2]
        await self.wire.exactly(2)
        return text

    async def login(self) -> None:
        self.me = (await self.call("POST", "/api/login", {"email": f"person{self.number}@example.com", "password": "password"}))["user"]

    async def open(self) -> None:
        await self.call("GET", "/api/me")
        await self.ask(first=True)

    async def ask(self, first: bool = False) -> None:
        page = await self.call("GET", f"/api/domains/{DOMAIN}/messages?limit=50")
        for message in page["messages"]:
            self.shows(message, first)
        await self.call("GET", f"/api/domains/{DOMAIN}/people")
        await self.call("GET", "/api/unread")

    def shows(self, message: dict, first: bool = False) -> None:
        if message["id"] not in self.seen:
            self.seen.add(message["id"])
            if not first:
                self.meter.shown(message["client_id"], self.number)

    async def say(self, client_id: str, text: str) -> None:
        self.meter.sent(client_id, self.number)
        message = (await self.call("POST", f"/api/domains/{DOMAIN}/messages", {"text": text, "client_id": client_id}, self.socket_header()))["message"]
        self.shows(message)

    def socket_header(self) -> str:
        return ""

    async def stay(self) -> None:
        raise NotImplementedError


class PollingPage(Page):
    async def stay(self) -> None:
        await self.open()
        due = time.monotonic()
        while True:
            due += POLL_SECONDS
            await asyncio.sleep(max(0, due - time.monotonic()))
            await self.ask()


class SocketPage(Page):
    socket_id = ""

    def socket_header(self) -> str:
        return f"X-Socket-ID: {self.socket_id}\r\n"

    async def stay(self) -> None:
        await self.open()
        self.socket = await Wire.open(self.traffic, self.site.port)
        key = base64.b64encode(os.urandom(16)).decode()
        origin = f"http://127.0.0.1:{self.site.port}"
        self.traffic.requests += 1
        self.socket.write((
            f"GET /app/{self.site.key}?protocol=7&client=js&version=8.4.0&flash=false HTTP/1.1\r\nHost: 127.0.0.1:{self.site.port}\r\n{BROWSER}"
            f"Origin: {origin}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
            f"Cookie: {self.cookie}\r\n\r\n").encode())
        if b" 101 " not in await self.socket.until(b"\r\n\r\n"):
            raise SystemExit("the WebSocket was refused")
        while True:
            try:
                frame = await asyncio.wait_for(self.receive(), 30)
            except asyncio.TimeoutError:
                self.tell("pusher:ping", {})
                continue
            await self.heard(frame)

    async def heard(self, frame: dict) -> None:
        event, data = frame["event"], frame.get("data")
        data = json.loads(data) if isinstance(data, str) else data
        if event == "pusher:connection_established":
            self.socket_id = data["socket_id"]
            await asyncio.gather(self.sign_in(), *(self.join(channel) for channel in self.channels()))
        elif event == "pusher:ping":
            self.tell("pusher:pong", {})
        elif event == "message.sent":
            self.shows(data["message"])
        elif event in ("pusher:error", "pusher:subscription_error"):
            raise SystemExit(f"{event}: {data}")

    def channels(self) -> list[str]:
        return [f"private-domain.{DOMAIN}", f"presence-domain.{DOMAIN}", f"private-user.{self.me['id']}"]

    async def sign_in(self) -> None:
        answer = await self.call("POST", "/broadcasting/user-auth", urlencode({"socket_id": self.socket_id}))
        self.tell("pusher:signin", answer)

    async def join(self, channel: str) -> None:
        answer = await self.call("POST", "/broadcasting/auth", urlencode({"socket_id": self.socket_id, "channel_name": channel}))
        self.tell("pusher:subscribe", {"channel": channel, **answer})

    def tell(self, event: str, data: dict) -> None:
        text = json.dumps({"event": event, "data": data}).encode()
        size = bytes([0x80 | len(text)]) if len(text) < 126 else struct.pack("!BH", 0x80 | 126, len(text))
        self.traffic.frames += 1
        # The mask is of zeros: what is sent is what it would be with another.
        self.socket.write(b"\x81" + size + bytes(4) + text)

    async def receive(self) -> dict:
        while True:
            opcode, size = await self.socket.exactly(2)
            if size == 126:
                (size,) = struct.unpack("!H", await self.socket.exactly(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", await self.socket.exactly(8))
            text = await self.socket.exactly(size)
            self.traffic.frames += 1
            if opcode == 0x81:
                return json.loads(text)
            if opcode == 0x89:
                self.socket.write(b"\x8a" + bytes([0x80 | size]) + bytes(4) + text)
            else:
                raise SystemExit(f"the socket was closed: {text!r}")


class Meter:
    """From the send to each other screen."""

    def __init__(self) -> None:
        self.sent_at: dict[str, tuple[float, int]] = {}
        self.delays: list[float] = []

    def sent(self, client_id: str, by: int) -> None:
        self.sent_at[client_id] = (time.monotonic(), by)

    def shown(self, client_id: str, to: int) -> None:
        at, by = self.sent_at[client_id]
        if by != to:
            self.delays.append(time.monotonic() - at)

    def percentile(self, percent: float) -> float:
        delays = sorted(self.delays)
        return delays[min(len(delays) - 1, int(len(delays) * percent / 100))]


async def run(site: Site, kind: type[Page], args: argparse.Namespace) -> dict[str, float]:
    chance = random.Random(args.seed)
    meter = Meter()
    pages = [kind(site, number, meter) for number in range(1, args.people + 1)]
    for page in pages:
        await page.login()
    for number in range(MESSAGES_BEFORE):
        speaker = pages[number % len(pages)]
        await speaker.call("POST", f"/api/domains/{DOMAIN}/messages", {"text": f"said before {number}: {'x' * 80}", "client_id": str(uuid.uuid4())})
    for page in pages:
        page.traffic.__init__()  # signing in and what was said before are not measured
    count = int(max(1, (args.seconds - ARRIVE_SECONDS - LAST_WORD_SECONDS) / args.every))
    words = [(ARRIVE_SECONDS + 2 + number * args.every, chance.choice(pages), str(uuid.uuid4())) for number in range(count)]
    arrivals = [chance.uniform(0, ARRIVE_SECONDS) for _ in pages]

    before, begun = site.cpu(), time.monotonic()
    staying = [asyncio.ensure_future(arrive(page, begun + at)) for page, at in zip(pages, arrivals)]
    staying += [asyncio.ensure_future(speak(page, begun + at, client_id)) for at, page, client_id in words]
    done, _ = await asyncio.wait(staying, timeout=args.seconds, return_when=asyncio.FIRST_EXCEPTION)
    used = site.cpu()
    for task in staying:
        task.cancel()
    for task in done:
        task.result()
    missing = count * (len(pages) - 1) - len(meter.delays)
    if missing:
        raise SystemExit(f"{missing} of {count * (len(pages) - 1)} messages were not shown")
    minutes = args.seconds / 60
    total = lambda name: sum(getattr(page.traffic, name) for page in pages)
    each = len(pages) * minutes
    return {
        "requests a minute and person": total("requests") / each,
        "frames a minute and person": total("frames") / each,
        "KB sent a minute and person": total("sent") / 1024 / each,
        "KB received a minute and person": total("received") / 1024 / each,
        **{f"CPU seconds of {part}": used[part] - before[part] for part in used},
        "from send to screen, p50, ms": meter.percentile(50) * 1000,
        "from send to screen, p99, ms": meter.percentile(99) * 1000,
        "messages shown": len(meter.delays),
    }


async def arrive(page: Page, at: float) -> None:
    await asyncio.sleep(max(0, at - time.monotonic()))
    await page.stay()


async def speak(page: Page, at: float, client_id: str) -> None:
    await asyncio.sleep(max(0, at - time.monotonic()))
    await page.say(client_id, f"hello {client_id} {'x' * 60}")


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parley", type=Path, default=ROOT / "build/release/server/parley")
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--every", type=float, default=2, help="seconds between two messages (2)")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if args.people < 2 or args.seconds < ARRIVE_SECONDS + LAST_WORD_SECONDS + args.every:
        parser.error("at least two people and 20 seconds")
    ways = {}
    for name, kind in (("polling", PollingPage), ("WebSocket", SocketPage)):
        print(f"{name}: {args.people} people, {args.seconds:.0f} s", file=sys.stderr)
        with Site(args.parley.resolve()) as site:
            site.artisan("chat:people", str(args.people), f"--domain={DOMAIN}")
            ways[name] = asyncio.run(run(site, kind, args))
    polling, told = ways.values()
    print(f"| {args.people} people, {args.seconds:.0f} s, a message every {args.every:g} s | polling | WebSocket | ratio |\n|---|---:|---:|---:|")
    for row, value in polling.items():
        ratio = f"{value / told[row]:.2g}" if told[row] and value and row != "messages shown" else ""
        print(f"| {row} | {number(value)} | {number(told[row])} | {ratio} |")


if __name__ == "__main__":
    main()
