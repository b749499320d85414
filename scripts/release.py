#!/usr/bin/env python3
"""release.py VERSION [--check]: tags a release, after checking that everything in the repository is ready for it.

Every place that carries the version says VERSION, no other file still says the one before, the top section of
CHANGELOG.md is VERSION's and has entries and a date, and nothing is uncommitted. Then it makes the annotated tag vVERSION,
with the section as its message. It never pushes. --check only checks.

It ends with 1 and a line for each thing that is not ready, and with 2 if it could not look.
"""

from __future__ import annotations

import argparse
import datetime
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


class Unreadable(Exception):
    """What was to be checked cannot be read."""


@dataclass(frozen=True)
class TextPlace:
    """A line of a text file; the pattern's group is the version."""
    file: str
    pattern: str

    def versions(self, root: Path) -> list[tuple[str, str]]:
        found = re.findall(self.pattern, read(root, self.file), re.MULTILINE)
        if not found:
            raise Unreadable(f"{self.file}: no version found; the pattern in scripts/release.py is {self.pattern}")
        return [(self.file, version) for version in found]


@dataclass(frozen=True)
class JsonPlace:
    """A member of a JSON file, by the names on the way to it."""
    file: str
    path: tuple[str, ...]

    def versions(self, root: Path) -> list[tuple[str, str]]:
        where = f"{self.file}: {' → '.join(name or '(root)' for name in self.path)}"
        try:
            at = json.loads(read(root, self.file))
        except ValueError as error:
            raise Unreadable(f"{self.file}: is not JSON: {error}") from error
        for name in self.path:
            if not isinstance(at, dict) or name not in at:
                raise Unreadable(f"{where} is not there; say in scripts/release.py where the version is now")
            at = at[name]
        return [(where, str(at))]


PLACES = [
    TextPlace("CMakeLists.txt", r"^project\(parley VERSION (\S+)"),
    JsonPlace("clients/js/package.json", ("version",)),
    JsonPlace("clients/js/package-lock.json", ("version",)),
    JsonPlace("clients/js/package-lock.json", ("packages", "", "version")),
    JsonPlace("clients/laravel/composer.json", ("version",)),
    TextPlace("clients/laravel/src/Http/Client.php", r"const VERSION = '([^']*)'"),
    JsonPlace("examples/chat/frontend/package-lock.json", ("packages", "../../../clients/js", "version")),
    TextPlace("docs/webhooks.md", r"^User-Agent: Parley/(\S+)"),
    TextPlace("docs/openapi.yaml", r"example: \{version: ([^,}]+), uptime_seconds"),
]
# They name earlier releases for good, or versions of others.
HISTORY = re.compile(r"CHANGELOG\.md|schemas/README\.md|docs/performance\.md|bench/history/.*|(.*/)?(package-lock\.json|composer\.lock)")
HEADING = re.compile(r"^## (\S+)(?: \((.*)\))?\s*$", re.MULTILINE)


def read(root: Path, file: str) -> str:
    try:
        return (root / file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"{file}: cannot be read: {error}") from error


def git(root: Path, *arguments: str, text: str | None = None) -> str:
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], input=text, capture_output=True, text=True, check=False,
                              timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unreadable(f"git: {error}") from error
    if done.returncode != 0:
        raise Unreadable(f"git {arguments[0]}: {done.stderr.strip() or f'ended with {done.returncode}'}")
    return done.stdout


def number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


@dataclass(frozen=True)
class Section:
    version: str
    date: str | None
    text: str


def sections(root: Path) -> list[Section]:
    changelog = read(root, "CHANGELOG.md")
    heads = list(HEADING.finditer(changelog))
    ends = [head.start() for head in heads[1:]] + [len(changelog)]
    return [Section(head[1], head[2], changelog[head.end():end].strip()) for head, end in zip(heads, ends)]


def wrong_places(root: Path, version: str) -> list[str]:
    wrong = []
    for place in PLACES:
        try:
            wrong += [f"{where} says {said}, not {version}" for where, said in place.versions(root) if said != version]
        except Unreadable as error:
            wrong.append(str(error))
    return wrong


def wrong_in_changelog(all_sections: list[Section], version: str) -> list[str]:
    if not all_sections:
        return ["CHANGELOG.md: has no section; one begins with `## X.Y.Z (YYYY-MM-DD)`"]
    top, wrong = all_sections[0], []
    if top.version != version:
        return [f"CHANGELOG.md: the top section is of {top.version}, not of {version}"]
    try:
        datetime.datetime.strptime(top.date or "", "%Y-%m-%d")
    except ValueError:
        said = f"`{top.date}`" if top.date else "nothing"
        wrong.append(f"CHANGELOG.md: the heading of {version} says {said} where the date belongs: `## {version} (YYYY-MM-DD)`")
    if not re.search(r"^- \S", top.text, re.MULTILINE):
        wrong.append(f"CHANGELOG.md: the section of {version} has no entries; one begins with `- `")
    if len(all_sections) > 1:
        before = all_sections[1].version
        if VERSION.fullmatch(before) and number(before) >= number(version):
            wrong.append(f"CHANGELOG.md: {version} does not come after {before}, the section below it")
    return wrong


def leftovers(root: Path, before: str, version: str) -> list[str]:
    """Lines of tracked files that still name the release before: places that nobody has told this script of."""
    if before == version:
        return []
    # Not a part of a longer number, and not the lower end of a range of versions as dependencies have it.
    stale, wrong = re.compile(rf"(?<![\w.^~<>=-]){re.escape(before)}(?![\w-]|\.\d)"), []
    for file in git(root, "ls-files", "-z").split("\0"):
        path = root / file
        if not file or HISTORY.fullmatch(file) or any(place.file == file for place in PLACES) or not path.is_file():
            continue
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue  # an image or the like
        wrong += [f"{file}:{at}: still names {before}" for at, line in enumerate(lines, 1) if stale.search(line)]
    return wrong


def uncommitted(root: Path) -> list[str]:
    lines = git(root, "status", "--porcelain").splitlines()
    more = [f"… and {len(lines) - 10} more"] if len(lines) > 10 else []
    return [f"not committed: {line}" for line in lines[:10]] + more


def tag_is_taken(root: Path, version: str) -> list[str]:
    return [f"the tag v{version} exists already"] if git(root, "tag", "--list", f"v{version}").strip() else []


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("version", help="of the release, as 1.2.3")
    parser.add_argument("--check", action="store_true", help="only check, make no tag")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent, help="the repository")
    args = parser.parse_args()
    version, root = args.version, args.root
    if not VERSION.fullmatch(version):
        parser.error(f"a version is three numbers, as 1.2.3, not {version!r}")
    try:
        all_sections = sections(root)
        wrong = wrong_places(root, version) + wrong_in_changelog(all_sections, version)
        if len(all_sections) > 1:
            wrong += leftovers(root, all_sections[1].version, version)
        wrong += uncommitted(root) + tag_is_taken(root, version)
        if wrong:
            print("\n".join(f"release: {line}" for line in wrong), file=sys.stderr)
            return 1
        if args.check:
            print(f"{version} is ready; scripts/release.py {version} makes the tag")
            return 0
        # A line of the changelog that begins with # is no comment: --cleanup=verbatim.
        git(root, "tag", "--annotate", "--cleanup=verbatim", "--file=-", f"v{version}", text=f"Parley {version}\n\n{all_sections[0].text}\n")
    except Unreadable as error:
        print(f"release: {error}", file=sys.stderr)
        return 2
    print(f"made the tag v{version}; git push origin v{version} publishes it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
