#!/usr/bin/env python3
"""Real nodes, each in a network namespace of its own, and faults from a seed: killed, stopped, cut off, told to end.

nodes_apart.py PARLEY [--nodes 5] [--seconds 40] [--seed N]

Checks, from what the nodes log and list: who was killed is dead for all others; who was not, and was not cut off for as
long as silence lasts, is dead for nobody; and when a fault is over all agree again on who is there. Prints how long it
took to notice. Takes root, and network namespaces; says so and ends with 77 where they cannot be had.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

SILENCE = 8.0  # below it, who says nothing is not dead
PATIENCE = 40.0  # until all agree again, on a machine that does something else as well


class Skipped(Exception):
    pass


class Failed(Exception):
    pass


def ip(*words, inside=None):
    command = ["ip", *(["-n", inside] if inside else []), *words]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise Skipped(f"`{' '.join(command)}`: {done.stderr.strip()}")


class Network:
    """A switch and a cable to each node; who is cut off has its cable pulled out at the switch."""

    def __init__(self, count):
        self.prefix = f"parley{os.getpid()}"
        self.switch = f"{self.prefix}s"
        self.spaces = []
        try:
            self.add(self.switch)
            ip("link", "add", "br0", "type", "bridge", inside=self.switch)
            ip("link", "set", "br0", "up", inside=self.switch)
            ip("addr", "add", "10.77.0.254/24", "dev", "br0", inside=self.switch)
            for i in range(1, count + 1):
                space = f"{self.prefix}n{i}"
                self.add(space)
                ip("link", "add", f"port{i}", "type", "veth", "peer", "name", "eth0", "netns", space, inside=self.switch)
                ip("link", "set", f"port{i}", "master", "br0", inside=self.switch)
                ip("link", "set", f"port{i}", "up", inside=self.switch)
                ip("addr", "add", f"10.77.0.{i}/24", "dev", "eth0", inside=space)
                ip("link", "set", "eth0", "up", inside=space)
                ip("link", "set", "lo", "up", inside=space)
        except Exception:
            self.remove()
            raise

    def add(self, space):
        ip("netns", "add", space)
        self.spaces.append(space)

    def plug(self, number, there):
        ip("link", "set", f"port{number}", "up" if there else "down", inside=self.switch)

    def remove(self):
        for space in reversed(self.spaces):
            subprocess.run(["ip", "netns", "del", space], capture_output=True)
        self.spaces = []


class Node:
    def __init__(self, parley, network, number, count, data):
        self.parley, self.network, self.number = parley, network, number
        self.name = f"n{number}"
        self.address = f"10.77.0.{number}"
        self.space = f"{network.prefix}n{number}"
        seeds = ",".join(f"10.77.0.{i}" for i in range(1, min(count, 3) + 1))
        self.command = ["ip", "netns", "exec", self.space, parley, "serve", "--dev", "--host", self.address, "--port", "6001",
                        "--metrics-host", self.address, "--metrics-port", "9601", "--data-dir", str(data / self.name),
                        "--log-format", "json", "--io-threads", "1", "--join", seeds, "--set", f"cluster.host={self.address}",
                        "--set", f"cluster.name={self.name}", "--set", f"cluster.expect_nodes={count // 2 + 1}"]
        self.said = []  # (when, message, name of the node that it is about)
        self.tail = []
        self.process = None

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        threading.Thread(target=self.listen, args=(self.process.stderr,), daemon=True).start()

    def listen(self, lines):
        for line in lines:
            self.tail = self.tail[-40:] + [line]
            try:
                row = json.loads(line)
            except ValueError:
                continue
            self.said.append((time.monotonic(), row.get("event", ""), row.get("name", "")))

    def heard(self, what, of, since):
        return next((when for when, message, name in list(self.said) if when >= since and message == what and name == of), None)

    def states(self):
        """Who is there, as this node says; nothing: it cannot be asked."""
        ask = ["ip", "netns", "exec", self.space, self.parley, "nodes", "--json", "--url", f"http://{self.address}:6001",
               "--admin-key", "admin-key-demo"]
        done = subprocess.run(ask, capture_output=True, text=True, timeout=30)
        if done.returncode != 0:
            return None
        answer = json.loads(done.stdout)
        return {row["name"]: row["state"] for row in answer["nodes"]}, answer["cluster"]


class Trial:
    def __init__(self, options):
        self.random = random.Random(options.seed)
        self.data = pathlib.Path(tempfile.mkdtemp(prefix="parley-apart-"))
        self.network = Network(options.nodes)
        self.nodes = [Node(options.parley, self.network, i, options.nodes, self.data) for i in range(1, options.nodes + 1)]
        self.noticed, self.agreed, self.done = [], [], {}

    def others(self, *but):
        return [node for node in self.nodes if node not in but]

    def until(self, holds, what, patience=PATIENCE):
        end = time.monotonic() + patience
        while not (result := holds()):
            if time.monotonic() > end:
                raise Failed(f"waited {patience:.0f} s for {what}")
            time.sleep(0.02)  # between two looks
        return result

    def all_agree(self):
        began = time.monotonic()

        def agreed():
            seen = [node.states() for node in self.nodes]
            return all(one is not None and len(one[0]) == len(self.nodes) and set(one[0].values()) == {"alive"} for one in seen) and \
                len({one[1] for one in seen}) == 1
        self.until(agreed, f"all to see each other alive: {[node.states() for node in self.nodes]}")
        self.agreed.append(time.monotonic() - began)

    def nobody_died(self, since, but=()):
        for node in self.nodes:
            for when, message, name in list(node.said):
                if when >= since and message == "a node is dead" and name not in but:
                    raise Failed(f"{node.name} held {name} for dead, which lived")

    def kill(self):
        victim = self.random.choice(self.nodes)
        since = time.monotonic()
        victim.process.kill()
        victim.process.wait()
        for node in self.others(victim):
            when = self.until(lambda node=node: node.heard("a node is dead", victim.name, since), f"{node.name} to notice that {victim.name} is dead")
            self.noticed.append(when - since)
        victim.start()
        self.all_agree()
        self.nobody_died(since, but=(victim.name,))

    def stop(self):
        victim = self.random.choice(self.nodes)
        since = time.monotonic()
        seconds = self.random.uniform(1, 5)
        victim.process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)  # the fault itself
        victim.process.send_signal(signal.SIGCONT)
        self.all_agree()
        self.nobody_died(since)

    def cut(self):
        victim = self.random.choice(self.nodes)
        since = time.monotonic()
        long = self.random.random() < 0.2
        seconds = self.random.uniform(SILENCE + 5, SILENCE + 8) if long else self.random.uniform(0.5, SILENCE - 3)
        self.network.plug(victim.number, False)
        time.sleep(seconds)  # the fault itself
        self.network.plug(victim.number, True)
        self.all_agree()
        if not long:
            self.nobody_died(since)

    def end(self):
        victim = self.random.choice(self.nodes)
        since = time.monotonic()
        victim.process.terminate()
        for node in self.others(victim):
            self.until(lambda node=node: node.heard("a node has left", victim.name, since), f"{node.name} to hear that {victim.name} leaves")
        if victim.process.wait(timeout=PATIENCE) != 0:
            raise Failed(f"{victim.name} ended with {victim.process.returncode}")
        victim.start()
        self.all_agree()
        self.nobody_died(since)

    def run(self, seconds):
        for node in self.nodes:
            node.start()
        self.all_agree()
        end = time.monotonic() + seconds
        faults = [self.kill, self.stop, self.cut, self.end]
        self.random.shuffle(faults)
        while time.monotonic() < end or len(self.done) < len(faults):
            fault = faults[0] if len(self.done) < len(faults) else self.random.choice(faults)
            faults.append(faults.pop(0))
            fault()
            self.done[fault.__name__] = self.done.get(fault.__name__, 0) + 1

    def finish(self):
        for node in self.nodes:
            if node.process is not None and node.process.poll() is None:
                node.process.kill()
                node.process.wait()
        self.network.remove()
        shutil.rmtree(self.data, ignore_errors=True)


def spread(values):
    ordered = sorted(values)
    at = lambda part: ordered[min(len(ordered) - 1, int(part * len(ordered)))]
    return f"p50 {at(0.5):.2f} s, p99 {at(0.99):.2f} s, max {ordered[-1]:.2f} s of {len(ordered)}" if ordered else "none"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("parley")
    parser.add_argument("--nodes", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=float(os.environ.get("PARLEY_APART_SECONDS", 40)))
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = parser.parse_args()
    if os.geteuid() != 0 or shutil.which("ip") is None:
        print("skipped: network namespaces take root and `ip`")
        return 77
    print(f"seed {options.seed}", flush=True)
    try:
        trial = Trial(options)
    except Skipped as why:
        print(f"skipped: no network namespaces here: {why}")
        return 77
    try:
        trial.run(options.seconds)
    except Failed as why:
        print(f"FAILED: {why}\n  again: nodes_apart.py PARLEY --seed {options.seed}")
        for node in trial.nodes:
            print(f"--- {node.name}\n{''.join(node.tail)}")
        return 1
    finally:
        trial.finish()
    print(f"faults: {trial.done}\nnoticed a killed node after {spread(trial.noticed)}\nall agreed again after {spread(trial.agreed)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
