#!/usr/bin/env python3
"""Measures Parley beside its peers and prints a Markdown table.

    bench/run.py                  everything, about six minutes
    bench/run.py --quick          the main rows, about one minute
    bench/run.py --only parley --scenario fanout --repeat 5
    bench/run.py --only parley --scenario status --scenario webhooks

Each server runs alone on one core with the load generator on another, one after the other, scenario by
scenario, so that a noisy minute hits all of them. What the figures mean: docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from servers import (BENCH, BareUws, BenchError, Parley, ParleyMixed, ParleySocketIo, Server, SocketIo, Soketi,
                     install_peers)

ROOT = BENCH.parent


@dataclass(frozen=True)
class Row:
    scenario: str
    label: str
    key: str  # in the load generator's JSON
    bar: str
    less_is_better: bool = True


ROWS = [
    Row("fanout", "Fan-out, server CPU µs per delivery", "cpu_us_per_delivery", "≤ 2.5"),
    Row("fanout", "Fan-out, deliveries/s", "deliveries_per_s", "", False),
    Row("chat", "Chat, server CPU µs per publish", "cpu_us_per_publish", "≤ 36"),
    Row("chat", "Chat, publishes/s", "publishes_per_s", "", False),
    Row("chat-durable", "Chat durable, server CPU µs per publish", "cpu_us_per_publish", ""),
    Row("chat-durable", "Chat durable ÷ ephemeral, CPU", "over_ephemeral", "≤ 1.5"),
    Row("latency", "Latency at 1,000/s, p50 ms", "delivery_p50_ms", "≤ 0.15"),
    Row("latency", "Latency at 1,000/s, p99 ms", "delivery_p99_ms", "≤ 0.5"),
    Row("durable", "Durable, 256 in flight, acked/s", "acked_per_s", "≥ 50,000", False),
    Row("durable", "Durable, p99 ms to the acknowledgement", "ack_p99_ms", ""),
    Row("durable", "Durable, one in flight, acked/s", "one_acked_per_s", "", False),
    Row("durable", "Group commit gain", "group_commit_gain", "≥ 30", False),
    Row("http-publish", "HTTP publish, server CPU µs", "cpu_us_per_publish", ""),
    Row("http-publish", "HTTP publish, publishes/s", "publishes_per_s", "", False),
    Row("idle", "Idle subscribed connection, bytes (slope)", "bytes_per_connection", "≤ 6,144"),
    Row("connect", "Connect and subscribe, server CPU µs", "cpu_us_per_connect", "≤ 100"),
    Row("status", "Status to 1,000 watchers, online, p50 ms", "online_p50_ms", ""),
    Row("status", "Status to 1,000 watchers, online, p99 ms", "online_p99_ms", "≤ 50"),
    Row("status", "Status to 1,000 watchers, offline after the grace, p99 ms", "offline_p99_ms", "≤ 50"),
    Row("status", "Status to 1,000 watchers, server CPU µs per change", "cpu_us_per_change", ""),
    Row("arrivals", "Ephemeral delivery beside nobody, p99 ms", "quiet_delivery_p99_ms", ""),
    Row("arrivals", "Ephemeral delivery beside 1,000 arrivals/s, p99 ms", "busy_delivery_p99_ms", "≤ 2"),
    Row("arrivals", "Durable ack beside nobody, p99 ms", "quiet_ack_p99_ms", ""),
    Row("arrivals", "Durable ack beside 1,000 arrivals/s, p99 ms", "busy_ack_p99_ms", ""),
    Row("arrivals", "Sign-in to its answer, p99 ms", "sign_in_p99_ms", ""),
    Row("arrivals", "Connect and sign in, server CPU µs", "cpu_us_per_arrival", ""),
    Row("user-status", "Status of 1,000 users in a call, p50 ms", "call_p50_ms", "≤ 5"),
    Row("user-status", "Status of 1,000 users in a call, p99 ms", "call_p99_ms", "≤ 5"),
    Row("webhooks", "Webhooks at 2,200/s, events/s", "events_per_s", "≥ 2,000", False),
    Row("webhooks", "Webhooks at 2,200/s, most events waiting", "backlog_max", ""),
    Row("webhooks", "Webhooks at 2,200/s, p99 ms to the target", "event_p99_ms", ""),
    Row("webhooks", "Webhooks at 2,200/s, server CPU µs per event", "cpu_us_per_event", ""),
    Row("webhooks", "Webhooks after 10 s down, s to the first", "down_first_after_s", ""),
    Row("webhooks", "Webhooks after 10 s down, drained events/s", "drain_events_per_s", "", False),
    Row("tokens", "Check an HS256 token, µs", "hs256_us", "≤ 30"),
    Row("tokens", "Check an RS256 token, µs", "rs256_us", ""),
    Row("tokens", "Check an EdDSA token, µs", "eddsa_us", ""),
]
# idle comes first: memory is only comparable in a process that has done nothing else.
SCENARIOS = ["idle", "fanout", "chat", "chat-durable", "latency", "durable", "http-publish", "connect",
             "status", "arrivals", "user-status", "webhooks", "tokens"]
QUICK = ["fanout", "chat", "chat-durable", "latency", "durable", "connect"]
# What they measure depends on the server's configuration, or on nobody having been there before.
OWN_PROCESS = ["status", "arrivals", "user-status", "webhooks"]
ARGUMENTS = {
    "chat-durable": ["chat", "--channel-prefix", "private-domain."],
}

Results = dict[str, dict[str, list[dict[str, float]]]]  # scenario → server → runs


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parley", type=Path, default=ROOT / "build/release/server/parley",
                        help="the server's binary")
    parser.add_argument("--parley-flag", action="append", default=[], metavar="FLAG",
                        help="one more flag for parley serve; may be repeated")
    parser.add_argument("--loadgen", type=Path, help="the load generator; built when not given")
    parser.add_argument("--token-bench", type=Path, default=ROOT / "build/release/bench/parley_token_bench",
                        help="what the scenario tokens runs; a part of the whole build")
    parser.add_argument("--quick", action="store_true", help="short runs, one process a server")
    parser.add_argument("--seconds", type=float, help="seconds measured in each run")
    parser.add_argument("--repeat", type=int, default=1, help="runs of each; the median is shown")
    parser.add_argument("--scenario", action="append", choices=SCENARIOS, help="only these")
    parser.add_argument("--only", action="append", help="only these servers",
                        choices=["parley", "parley-socketio", "parley-mixed", "soketi", "socket.io", "uwebsockets"])
    parser.add_argument("--nice", type=int, help="priority of what is measured and what measures; "
                        "negative (as root) on a machine that does other work too")
    parser.add_argument("--realtime", action="store_true", help="as root, on such a machine: both go before all "
                        "other work (SCHED_RR), and the load generator sleeps instead of polling")
    parser.add_argument("--json", type=Path, help="write every single result to this file")
    return parser.parse_args()


def find_loadgen(given: Path | None) -> Path:
    if given is not None:
        return given
    own = ROOT / "build/bench/parley_loadgen"
    if not own.exists():
        print("building the load generator …", file=sys.stderr)
        subprocess.run(["cmake", "-S", str(BENCH), "-B", str(own.parent), "-G", "Ninja",
                        "-DCMAKE_BUILD_TYPE=Release"], check=True, stdout=subprocess.DEVNULL)
    # Does nothing when it is up to date.
    subprocess.run(["cmake", "--build", str(own.parent)], check=True, stdout=subprocess.DEVNULL)
    return own


class Bench:
    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.loadgen = find_loadgen(args.loadgen)
        cpus = sorted(os.sched_getaffinity(0))
        self.server_cpu = str(cpus[0]) if len(cpus) > 1 else None
        self.loadgen_cpu = str(cpus[1]) if len(cpus) > 1 else None
        # All of these exec, so a server's pid stays its own. Where the kernel groups processes by session
        # (autogroup), nice counts within a session only: then the session gets the priority as well.
        nice = ["setsid", "sh", "-c", 'echo "$0" 2>/dev/null >/proc/self/autogroup; exec nice -n "$0" "$@"',
                str(args.nice)] if args.nice else []
        if args.realtime:
            nice = ["chrt", "--rr", "10"]
        self.server_pin = nice + (["taskset", "-c", self.server_cpu] if self.server_cpu else [])
        self.loadgen_pin = nice + (["taskset", "-c", self.loadgen_cpu] if self.loadgen_cpu else [])
        self.seconds = args.seconds or (1.5 if args.quick else 5)
        self.warmup = 0.7 if args.quick else 2
        self.results: Results = {}

    def servers(self) -> list[Server]:
        wanted = self.args.only or ["parley", "parley-socketio", "parley-mixed", "soketi", "socket.io", "uwebsockets"]
        found: list[Server] = []
        ours = {"parley": Parley, "parley-socketio": ParleySocketIo, "parley-mixed": ParleyMixed}
        if self.args.parley.exists():
            binary = self.args.parley.resolve()
            found += [kind(self.server_pin, binary, self.args.parley_flag) for name, kind in ours.items()
                      if name in wanted]
        else:
            print(f"{self.args.parley} is not built: its columns stay empty", file=sys.stderr)
        kinds = {"soketi": Soketi, "socket.io": SocketIo, "uwebsockets": BareUws}
        peers = [kind(self.server_pin) for name, kind in kinds.items() if name in wanted]
        if peers:
            install_peers()
        return found + peers

    def generate(self, arguments: list[str]) -> dict[str, float] | None:
        if self.loadgen_cpu is None or self.args.realtime:
            arguments = ["--sleep", *arguments]  # polling would starve the server, or all others
        done = subprocess.run([*self.loadgen_pin, str(self.loadgen), *arguments],
                              stdout=subprocess.PIPE, text=True)
        if done.returncode != 0 or not done.stdout:
            print(f"  failed: {' '.join(arguments)}", file=sys.stderr)
            return None
        return json.loads(done.stdout)

    def measure(self, server: Server, scenario: str, more: list[str] | None = None) -> None:
        arguments = ["--port", str(server.port), "--pid", str(server.pid), "--label", server.name,
                     "--protocol", server.protocol, "--seconds", str(self.seconds),
                     "--warmup", str(self.warmup), *ARGUMENTS.get(scenario, [scenario]), *(more or [])]
        result = self.generate(arguments)
        if result is not None:
            self.results.setdefault(scenario, {}).setdefault(server.name, []).append(result)

    def measure_alone(self, server: Server, scenario: str) -> None:
        more = server.prepare(scenario)
        with server:
            self.measure(server, scenario, more)

    def measure_tokens(self) -> None:
        if not self.args.token_bench.exists():
            print(f"{self.args.token_bench} is not built: no figures of tokens", file=sys.stderr)
            return
        done = subprocess.run([*self.server_pin, str(self.args.token_bench)], stdout=subprocess.PIPE, text=True,
                              check=True)
        self.results.setdefault("tokens", {}).setdefault("Parley", []).append(json.loads(done.stdout))

    def run(self) -> None:
        servers = self.servers()
        scenarios = self.args.scenario or (QUICK if self.args.quick else SCENARIOS)
        together = [scenario for scenario in scenarios if self.args.quick and scenario not in OWN_PROCESS]
        for _ in range(self.args.repeat):
            for server in servers if together else []:
                server.prepare("")
                with server:
                    for scenario in together:
                        if scenario in server.scenarios:
                            self.measure(server, scenario)
            for scenario in scenarios:
                for server in servers:
                    if scenario in server.scenarios and scenario not in together:
                        self.measure_alone(server, scenario)
            if "tokens" in scenarios and any(server.name == "Parley" for server in servers):
                self.measure_tokens()

    def floor(self) -> float | None:
        if self.server_cpu is None or self.loadgen_cpu is None:
            return None
        done = subprocess.run(
            [str(self.loadgen), "--seconds", "1", "floor", "--server-cpu", self.server_cpu,
             "--loadgen-cpu", self.loadgen_cpu],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
        return json.loads(done.stdout)["cpu_us_per_send"]


def value(results: Results, row: Row, server: str) -> float | None:
    runs = results.get(row.scenario, {}).get(server, [])
    if row.key == "over_ephemeral":
        durable = value(results, Row(row.scenario, "", "cpu_us_per_publish", ""), server)
        ephemeral = value(results, Row("chat", "", "cpu_us_per_publish", ""), server)
        return durable / ephemeral if durable and ephemeral else None
    figures = [run[row.key] for run in runs if row.key in run]
    return statistics.median(figures) if figures else None


def shown(figure: float | None) -> str:
    if figure is None:
        return "–"
    if figure >= 1000:
        return f"{figure:,.0f}"
    return f"{figure:.3g}" if figure < 100 else f"{figure:.0f}"


def ratio(row: Row, ours: float | None, theirs: float | None) -> str:
    if not ours or not theirs:
        return "–"
    return f"{(theirs / ours if row.less_is_better else ours / theirs):.2f} ×"


def table(results: Results) -> str:
    peers = ["soketi", "socket.io", "uWebSockets"]
    ways = [way for way in ("Parley, Socket.IO", "Parley, mixed") if any(way in runs for runs in results.values())]
    heads = ["Work", "Bar", "Parley", *ways, *peers, *(f"better than {peer}" for peer in peers)]
    lines = ["| " + " | ".join(heads) + " |", "|---|---|" + "---:|" * (len(heads) - 2)]
    for row in ROWS:
        if row.scenario not in results:
            continue
        ours = value(results, row, "Parley")
        theirs = [value(results, row, peer) for peer in peers]
        cells = [row.label, row.bar, shown(ours), *(shown(value(results, row, way)) for way in ways),
                 *map(shown, theirs),
                 *(ratio(row, ours, peer) for peer in theirs)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> int:
    args = parse_arguments()
    try:
        bench = Bench(args)
        before = bench.floor()
        bench.run()
        after = bench.floor()
    except (BenchError, subprocess.CalledProcessError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    if args.json:
        args.json.write_text(json.dumps(bench.results, indent=1), encoding="utf-8")
    print(table(bench.results))
    if before is not None and after is not None:
        print(f"\nA bare send() to one of 1,000 loopback sockets cost {before:.1f} µs before these runs "
              f"and {after:.1f} µs after them.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
