#!/usr/bin/env python3
"""Compares two runs of bench/run.py --json, and ends with 1 if something got worse.

    bench/compare.py old.json new.json
    bench/compare.py --tolerance 5 old.json new.json     the releases' own files: bench/history

Where both files have figures of a peer for a row, the row is judged by Parley's ratio to it: what the machine did to
both is not in it. With several peers it is the median of what the ratios changed by. Rows without a peer are judged by
their figures alone, which only says something about two runs on one machine.

A row is worse when what is less better grew by more than the tolerance, or what is more better shrank by more than it.
Ends with 0 if none is, with 1 if one is, and with 2 if the files cannot be compared.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

from run import ROWS, Results, Row, shown, value

PEERS = ["soketi", "socket.io", "uWebSockets"]
# All columns that are ours; a peer's own change is no news.
OURS = ["Parley", "Parley, Socket.IO", "Parley, mixed"]


class Incomparable(Exception):
    """The files cannot be compared; says why."""


@dataclass(frozen=True)
class Comparison:
    label: str
    server: str
    old: float | None
    new: float | None
    peers: list[str]
    factor: float | None  # what the figure, or its ratio to the peers, is multiplied by; None: only one file has it
    verdict: str


def is_figure(figure: object) -> bool:
    return isinstance(figure, (int, float)) and not isinstance(figure, bool) and math.isfinite(figure) and figure >= 0


def load(path: Path) -> Results:
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Incomparable(f"{path}: {error}") from error
    keys = {(row.scenario, row.key) for row in ROWS}
    if not isinstance(results, dict):
        raise Incomparable(f"{path}: is not what bench/run.py --json writes: no object")
    for scenario, servers in results.items():
        if not isinstance(servers, dict):
            raise Incomparable(f"{path}: is not what bench/run.py --json writes: {scenario} has no servers")
        for server, runs in servers.items():
            if not isinstance(runs, list) or not all(isinstance(run, dict) for run in runs):
                raise Incomparable(f"{path}: is not what bench/run.py --json writes: {scenario}, {server} has no runs")
            for key, figure in ((key, figure) for run in runs for key, figure in run.items()):
                if (scenario, key) in keys and not is_figure(figure):
                    raise Incomparable(f"{path}: {scenario}, {server}: {key} is {figure!r}, no figure")
    return results


def growth(old: float, new: float) -> float:
    """new / old, for a zero as well: a count that was none may be one now."""
    if old == 0:
        return 1.0 if new == 0 else math.inf
    return new / old


def compare(row: Row, server: str, old: Results, new: Results, tolerance: float) -> Comparison | None:
    ours = value(old, row, server), value(new, row, server)
    if ours == (None, None):
        return None
    if ours[0] is None or ours[1] is None:
        return Comparison(row.label, server, *ours, [], None, "only in NEW" if ours[0] is None else "only in OLD")
    factor = growth(*ours)
    theirs = {peer: (value(old, row, peer), value(new, row, peer)) for peer in PEERS}
    judges = {peer: growth(*figures) for peer, figures in theirs.items() if all(figures)}
    if judges:
        factor /= statistics.median(judges.values())
    harm = round(factor - 1 if row.less_is_better else 1 - factor, 9)  # 110 is 10 % more than 100, not a hair more
    verdict = "worse" if harm > tolerance else "better" if harm < -tolerance else ""
    return Comparison(row.label, server, *ours, list(judges), factor, verdict)


def table(comparisons: list[Comparison]) -> str:
    lines = ["| Work | Server | Old | New | Beside | Change | |", "|---|---|---:|---:|---|---:|---|"]
    for one in comparisons:
        change = "–" if one.factor is None else "from 0" if math.isinf(one.factor) else f"{(one.factor - 1) * 100:+.1f} %"
        cells = [one.label, one.server, shown(one.old), shown(one.new), ", ".join(one.peers) or "–", change, one.verdict]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def percent(text: str) -> float:
    figure = float(text)
    if not math.isfinite(figure) or not 0 <= figure < 100:
        raise ValueError
    return figure


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path, help="what bench/run.py --json wrote, then")
    parser.add_argument("new", type=Path, help="… and now")
    parser.add_argument("--tolerance", type=percent, default=10.0, metavar="PERCENT", help="10 if not given")
    args = parser.parse_args()
    try:
        old, new = load(args.old), load(args.new)
        found = [compare(row, server, old, new, args.tolerance / 100) for row in ROWS for server in OURS]
        comparisons = [one for one in found if one is not None]
        if not any(one.factor is not None for one in comparisons):
            raise Incomparable(f"{args.old} and {args.new} have no row in common")
    except Incomparable as error:
        print(f"compare: {error}", file=sys.stderr)
        return 2
    print(table(comparisons))
    worse = sum(one.verdict == "worse" for one in comparisons)
    alone = sum(one.factor is None for one in comparisons)
    print(f"\n{len(comparisons) - alone} rows compared, {worse} worse by more than {args.tolerance:g} %"
          + (f"; {alone} are in one of the files only" if alone else ""))
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
