#!/usr/bin/env python3
"""compile_headers.py ROOT STAMPS COMPILER [flags]: compiles each of our headers alone.

A header that compiled is remembered by the contents of all it includes of ours, so the second run is
quick. Headers that drag in a library of seconds (CAF, Beast) are few on purpose.
"""
import concurrent.futures
import hashlib
import os
import pathlib
import re
import subprocess
import sys

FOLDERS = ["core", "schemas", "storage", "cluster", "actors", "net", "server", "tests/support"]
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)


def closure(root, header, seen):
    """All of our files that the header includes, itself first."""
    if header in seen or not (root / header).exists():
        return
    seen[header] = (root / header).read_bytes()
    for name in INCLUDE.findall(seen[header].decode(errors="replace")):
        closure(root, name, seen)


def digest(root, header, command):
    seen = {}
    closure(root, header, seen)
    value = hashlib.sha256(" ".join(command).encode())
    for name in sorted(seen):
        value.update(name.encode() + b"\0" + seen[name] + b"\0")
    return value.hexdigest()


def compile_alone(root, stamps, header, command):
    stamp = stamps / digest(root, header, command)
    if stamp.exists():
        return None
    # Including twice shows a missing #pragma once.
    source = f'#include "{header}"\n#include "{header}"\n'
    done = subprocess.run([*command, "-x", "c++", "-fsyntax-only", "-"], input=source, text=True, capture_output=True, cwd=root)
    if done.returncode == 0:
        stamp.touch()
        return None
    return f"{header} does not compile alone:\n{done.stderr}"


def main():
    root, stamps = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    command = [*sys.argv[3:], f"-I{root}"]
    stamps.mkdir(parents=True, exist_ok=True)
    headers = sorted(h.relative_to(root).as_posix() for folder in FOLDERS for h in (root / folder).rglob("*.h"))
    if len(headers) < 10:
        print(f"only {len(headers)} headers below {root}: is this the repository?")
        return 1
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = [f for f in pool.map(lambda h: compile_alone(root, stamps, h, command), headers) if f]
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
