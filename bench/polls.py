#!/usr/bin/env python3
"""What idle clients that poll cost: N Engine.IO sessions with a poll parked each, answering pings.

    bench/polls.py --parley build/release/server/parley --polls 2000 --seconds 30

Prints one JSON line: CPU of the server's process over the seconds, as a share of one core, and its memory.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from pathlib import Path

from servers import BENCH, Parley

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Client:
    """Two kept-alive connections: one whose poll is parked, one that posts."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.sid = ""

    async def call(self, streams: tuple, method: str, body: bytes = b"") -> bytes:
        reader, writer = streams
        target = "/socket.io/?EIO=4&transport=polling" + (f"&sid={self.sid}" if self.sid else "")
        head = f"{method} {target} HTTP/1.1\r\nHost: bench\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in answer.split(b"\r\n")
                      if line.lower().startswith(b"content-length"))
        return await reader.readexactly(length)

    async def start(self) -> None:
        self.polls = await asyncio.open_connection("127.0.0.1", self.port)
        self.posts = self.polls
        opened = await self.call(self.polls, "GET")
        self.sid = json.loads(opened[1:])["sid"]
        assert await self.call(self.posts, "POST", b"40") == b"ok"
        assert (await self.call(self.polls, "GET")).startswith(b"40{")

    async def stay(self) -> None:
        while True:
            if await self.call(self.polls, "GET") == b"2":
                await self.call(self.posts, "POST", b"3")


async def measure(server: Parley, polls: int, seconds: float) -> dict[str, float]:
    before_bytes = resident_bytes(server.pid)
    clients = [Client(server.port) for _ in range(polls)]
    for first in range(0, polls, 100):
        await asyncio.gather(*(client.start() for client in clients[first:first + 100]))
    staying = [asyncio.ensure_future(client.stay()) for client in clients]
    await asyncio.sleep(1)
    before = cpu_seconds(server.pid)
    await asyncio.sleep(seconds)
    used = cpu_seconds(server.pid) - before
    for task in staying:
        if task.done():
            task.result()
        task.cancel()
    return {"polls": polls, "seconds": seconds, "cpu_percent": round(100 * used / seconds, 2),
            "bytes_per_poll": round((resident_bytes(server.pid) - before_bytes) / polls)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parley", type=Path, default=BENCH.parent / "build/release/server/parley")
    parser.add_argument("--polls", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=30)
    args = parser.parse_args()
    with Parley([], args.parley.resolve(), []) as server:
        print(json.dumps(asyncio.run(measure(server, args.polls, args.seconds))))


if __name__ == "__main__":
    main()
