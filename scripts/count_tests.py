#!/usr/bin/env python3
"""Adds up the test cases below a results folder and prints `N passed, N failed`; fails if one failed.

Understands what parley.sh leaves there: gtest's XML (one file an executable), ctest's JUnit file, and
TAP-like logs of Node's runner and of shell checks. A program that died without a summary is a failure.
"""
import pathlib
import re
import sys
import xml.etree.ElementTree as xml


class Tally:
    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.failures = []

    def fail(self, name):
        self.failed += 1
        self.failures.append(name)


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
            continue
        if case.find("failure") is not None or case.find("error") is not None:
            tally.fail(f"{case.get('classname')}.{case.get('name')}")
        else:
            tally.passed += 1
    return tally.failed > failed_before


def read_ctest(folder, tally):
    gtests = {path.stem: read_gtest(path, tally) for path in sorted(folder.glob("gtest/*.xml"))}
    for case in xml.parse(folder / "ctest.xml").getroot().iter("testcase"):
        name, status = case.get("name"), case.get("status")
        if status == "disabled" or status == "notrun" and case.find("skipped") is not None and case.find("failure") is None:
            tally.fail(f"{folder.name}/{name}: was not run")
        elif status != "run":
            if not gtests.get(name, False):  # crashed or timed out beside its cases
                tally.fail(f"{folder.name}/{name}")
        elif name not in gtests:
            tally.passed += 1


def read_tap(path, tally):
    text = path.read_text(errors="replace")
    passes = re.findall(r"^(?:#|ℹ) pass (\d+)\s*$", text, re.M)
    fails = re.findall(r"^(?:#|ℹ) (?:fail|cancelled) (\d+)\s*$", text, re.M)
    if not passes or not fails:
        tally.fail(f"{path.parent.name}/{path.name}: ended without a summary")
        return
    tally.passed += sum(map(int, passes))
    for _ in range(sum(map(int, fails))):
        tally.fail(f"{path.parent.name}: see {path}")


def main():
    results = pathlib.Path(sys.argv[1])
    tally = Tally()
    for path in sorted(results.glob("*/ctest.xml")):
        read_ctest(path.parent, tally)
    for path in sorted([*results.glob("*/*.tap"), *results.glob("*/run.log")]):
        read_tap(path, tally)
    if tally.passed + tally.failed == 0:
        tally.fail("no test was run")
    for name in tally.failures:
        print(f"failed: {name}")
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
