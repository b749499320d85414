#!/usr/bin/env python3
"""tidy_database.py FROM TO: a compile_commands.json that clang-tidy can use on a build made by GCC.

Takes out GCC's precompiled headers and the flags that clang does not know.
"""
import json
import pathlib
import re
import sys

source, target = map(pathlib.Path, sys.argv[1:3])
commands = json.loads((source / "compile_commands.json").read_text())
for command in commands:
    text = re.sub(r" -include \S*cmake_pch\.hxx", "", command["command"])
    command["command"] = re.sub(r" (-Winvalid-pch|-fpch-preprocess|-Wno-maybe-uninitialized|-Wno-restrict|-fuse-ld=\S+)", "", text)
target.mkdir(parents=True, exist_ok=True)
(target / "compile_commands.json").write_text(json.dumps([c for c in commands if "cmake_pch" not in c["file"]]))
