#!/usr/bin/env python3
"""Adds up the test cases below a results folder and prints `N passed, N failed`; fails if one failed. Cases that were
skipped are counted too, `, N skipped`, with the reasons above.

Understands what parley.sh leaves there: gtest's XML (one file an executable), ctest's and PHPUnit's JUnit files, and
TAP-like logs of Node's runner and of shell checks. A program that died without a summary is a failure.
"""
import collections
import pathlib
import re
import sys
import xml.etree.ElementTree as xml

LINES_SHOWN = 30


class Tally:
    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.failures = []
        self.skipped = collections.Counter()  # by reason

    def fail(self, name, why=""):
        """`why`: what was printed; its last lines are shown below the name."""
        self.failed += 1
        self.failures.append((name, why.strip().splitlines()[-LINES_SHOWN:]))

    def skip(self, reason, count=1):
        self.skipped[reason] += count


def read_gtest(path, tally):
    """Returns whether a case failed."""
    try:
        root = xml.parse(path).getroot()
    except xml.ParseError:
        tally.fail(f"{path.stem}: its results cannot be read")
        return True
    failed_before = tally.failed
    for case in root.iter("testcase"):
        if case.get("status") == "notrun" or case.get("result") in ("suppressed", "skipped"):
            reason = case.find("skipped")
            said = "" if reason is None else (reason.get("message") or reason.text or "")
            # The first line is the place in the source.
            tally.skip(said.strip().splitlines()[-1] if said.strip() else f"{case.get('classname')}.{case.get('name')}")
            continue
        failures = [*case.findall("failure"), *case.findall("error")]
        if failures:
            tally.fail(f"{case.get('classname')}.{case.get('name')}", "\n".join(one.text or "" for one in failures))
        else:
            tally.passed += 1
    return tally.failed > failed_before


def read_ctest(folder, tally):
    gtests = {path.stem: read_gtest(path, tally) for path in sorted(folder.glob("gtest/*.xml"))}
    for case in xml.parse(folder / "ctest.xml").getroot().iter("testcase"):
        name, status = case.get("name"), case.get("status")
        skipped = case.find("skipped")
        if skipped is not None and (skipped.get("message") or "").startswith("SKIP_"):
            said = (case.findtext("system-out") or "").strip().splitlines()
            tally.skip(said[-1] if said else name)  # it ended with the exit code that says so
        elif status == "disabled" or status == "notrun" and skipped is not None and case.find("failure") is None:
            tally.fail(f"{folder.name}/{name}: was not run")
        elif status != "run":
            if not gtests.get(name, False):  # crashed or timed out beside its cases
                tally.fail(f"{folder.name}/{name}", case.findtext("system-out") or "")
        elif name not in gtests:
            tally.passed += 1


def read_phpunit(path, tally):
    """PHPUnit writes its file at the end: one that cannot be read, or holds no case, is of a run that died."""
    try:
        cases = [*xml.parse(path).getroot().iter("testcase")]
    except xml.ParseError:
        cases = []
    if not cases:
        tally.fail(f"{path.parent.name}/{path.name}: ended without a summary")
    for case in cases:
        name = f"{case.get('class')}::{case.get('name')}"
        wrong = [*case.findall("error"), *case.findall("failure"), *case.findall("warning")]
        skipped = case.find("skipped")
        if wrong:
            tally.fail(name, "\n".join(one.text or "" for one in wrong))
        elif skipped is not None:
            tally.skip((skipped.get("message") or skipped.text or "").strip() or name)
        else:
            tally.passed += 1


def read_tap(path, tally):
    text = path.read_text(errors="replace")
    passes = re.findall(r"^(?:#|ℹ) pass (\d+)\s*$", text, re.M)
    fails = re.findall(r"^(?:#|ℹ) (?:fail|cancelled) (\d+)\s*$", text, re.M)
    if not passes or not fails:
        tally.fail(f"{path.parent.name}/{path.name}: ended without a summary")
        return
    tally.passed += sum(map(int, passes))
    read_skips(text, tally)
    count = sum(map(int, fails))
    whys = failed_in(text)
    for i in range(count):
        tally.fail(f"{path.parent.name}: see {path}", whys[i] if i < len(whys) and len(whys) >= count else "")
    if len(whys) < count and count > 0:  # in a form that is not known here: what was said last
        tally.failures.append((f"the end of {path}", text.splitlines()[-LINES_SHOWN:]))


def read_skips(text, tally):
    """Node's `﹣ name (1 ms) # reason`, TAP's `ok - name # SKIP reason`; the summaries know how many there are."""
    known = 0
    for name, reason in re.findall(r"^\s*(?:﹣|ok - )(.*?) (?:\([0-9.]+ms\) )?# (?:SKIP\b ?)?(.*)$", text, re.M):
        tally.skip(reason.strip() or name.strip())
        known += 1
    count = sum(map(int, re.findall(r"^(?:#|ℹ) skip(?:ped)? (\d+)\s*$", text, re.M)))
    if count > known:
        tally.skip("no reason given", count - known)


def failed_in(text):
    """What each failed case said: Node's list of failures at the end, Vitest's FAIL blocks, TAP's `not ok`."""
    node = re.split(r"^✖ failing tests:\s*$", text, flags=re.M)
    blocks = []
    for part in node[1:]:
        blocks += [block for block in re.split(r"^(?=test at )", part, flags=re.M) if block.startswith("test at ")]
    blocks += re.findall(r"^ ?FAIL .*(?:\n(?! ?FAIL |⎯{4}).*){0,%d}" % LINES_SHOWN, text, re.M)
    blocks += re.findall(r"^not ok .*(?:\n#.*)*", text, re.M)
    # The beginning says what failed, the end where.
    return ["\n".join(block.strip().splitlines()[:LINES_SHOWN]) for block in blocks]


def main():
    results = pathlib.Path(sys.argv[1])
    tally = Tally()
    for path in sorted(results.glob("*/ctest.xml")):
        read_ctest(path.parent, tally)
    for path in sorted(results.glob("*/phpunit.xml")):
        read_phpunit(path, tally)
    for path in sorted([*results.glob("*/*.tap"), *results.glob("*/run.log")]):
        read_tap(path, tally)
    if tally.passed + tally.failed == 0:
        tally.fail("no test was run")
    for name, why in tally.failures:
        print(f"failed: {name}")
        for line in why:
            print(f"    {line[:300]}")
    for reason, count in sorted(tally.skipped.items()):
        print(f"skipped: {count} because {reason[:300]}")
    skipped = sum(tally.skipped.values())
    print(f"{tally.passed} passed, {tally.failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
