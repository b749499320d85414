#!/usr/bin/env python3
"""Plants bugs in copies of the product's sources, for a simulator to find.

plant.py ROOT BUGS OUT SOURCE...   writes OUT/SOURCE for each source with the bugs of BUGS/*.bug
plant.py ROOT BUGS --sources       prints the sources that bugs are planted in

BUGS is tests/ROOM/bugs; which bug is on is known by tests/ROOM/plan.h, in the namespace parley::ROOM.

A .bug file has a sentence about the bug, the source's path, the text as it stands there (once), and what stands there
instead; lines of dashes are between them. `BUG` is true while the bug of the file's name is on:

    a channel sleeps although requests are on their way
    --- actors/router.cpp
    if (a) return;
    ---
    if (a && !BUG) return;

The text must be there, to the letter: who changes the source looks after its bugs.
"""
import pathlib
import re
import sys

BUGS = pathlib.Path(sys.argv[2]).resolve()
ROOM = BUGS.parent.name


def bugs():
    for file in sorted(BUGS.glob("*.bug")):
        parts = re.split(r"^---(?: (.*))?\n", file.read_text(), flags=re.M)
        # what it is, then for each place: path, text, None, instead
        places = parts[1:]
        if len(places) < 4 or len(places) % 4 != 0:
            sys.exit(f"{file}: a source, the text and what stands there instead are expected")
        for at in range(0, len(places), 4):
            yield file.stem, places[at], places[at + 1].strip("\n"), places[at + 3].strip("\n")


def planted(root, source):
    text = (root / source).read_text()
    for name, path, old, new in bugs():
        if path != source:
            continue
        if text.count(old) != 1:
            sys.exit(f"{BUGS / (name + '.bug')}: its text is {text.count(old)} times in {source}")
        text = text.replace(old, re.sub(r"\bBUG\b", f"::parley::{ROOM}::planted(::parley::{ROOM}::Bug::{name})", new))
    return f'#include "tests/{ROOM}/plan.h"\n#line 1 "{root / source}"\n' + text


def main():
    root = pathlib.Path(sys.argv[1])
    if sys.argv[3] == "--sources":
        print(";".join(sorted({path for _, path, _, _ in bugs()})), end="")
        return
    out = pathlib.Path(sys.argv[3])
    for source in sys.argv[4:]:
        target = out / source
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(planted(root, source))


main()
