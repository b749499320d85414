#!/usr/bin/env python3
"""coverage_rooms.py SUMMARY: what gcovr --json-summary found, one line a room (a folder), as a table for a terminal."""
import collections
import json
import pathlib
import sys

KINDS = ["line", "branch"]


def share(covered, total):
    return f"{100 * covered / total:.1f} %" if total else "–"


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        files = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))["files"]
        rooms = collections.defaultdict(collections.Counter)
        for file in files:
            for room in (str(pathlib.PurePosixPath(file["filename"]).parent), "all"):
                rooms[room].update({f"{kind}_{what}": file[f"{kind}_{what}"] for kind in KINDS for what in ("covered", "total")})
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"coverage_rooms: {sys.argv[1]} is not what gcovr --json-summary writes: {error!r}", file=sys.stderr)
        return 2
    if not rooms:
        print(f"coverage_rooms: {sys.argv[1]} has no files: nothing ran, or all was filtered out", file=sys.stderr)
        return 1
    everything = rooms.pop("all")
    rows = [("room", "lines", "covered", "branches covered")]
    for room, counts in [*sorted(rooms.items()), ("all", everything)]:
        rows.append((room, f"{counts['line_covered']:,} of {counts['line_total']:,}",
                     *(share(counts[f"{kind}_covered"], counts[f"{kind}_total"]) for kind in KINDS)))
    widths = [max(map(len, column)) for column in zip(*rows)]
    for first, *others in rows:
        print("  ".join([first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:]))]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
