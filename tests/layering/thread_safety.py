#!/usr/bin/env python3
"""Has clang's -Wthread-safety check what uses core/mutex.h, and holds the rules which clang does not know.

thread_safety.py ROOT STAMPS COMPILE_COMMANDS   checks the tree; prints what it found
thread_safety.py ROOT --selftest                checks that planted mistakes are found

Exit code 77: clang++ is not installed, nothing was checked. Of the .cpp files those are compiled whose code can touch
what is guarded: they name a lock, hold a member function of a class with guarded members (or of its friend), or name a
guarded member that is public. A header that can touch it is in at least one of them. A file that passed is remembered
by the contents of all it includes of ours.

Tests and benchmarks are left out: they lock local variables mostly, which clang takes no such attribute for.
"""
import concurrent.futures
import functools
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

from compile_headers import INCLUDE, digest

FOLDERS = ["core", "schemas", "storage", "cluster", "actors", "net", "server"]
HEADER = "core/mutex.h"
SKIPPED = 77
FILES_MIN = 10

LOCKS = re.compile(r"\b(?:Mutex|MutexLock|SharedMutex|ReadLock|WriteLock|CondVar)\b")
GUARDED = re.compile(r"(\w+)\s+PARLEY_GUARDED_BY\(")
# Classes that a header defines or calls friends: their functions may stand in any .cpp file.
CLASSES = re.compile(r"\bfriend\s+(?:class|struct)\s+(\w+)|\b(?:class|struct)\s+(?:\w+::)*(\w+)\s*(?:final\s*)?[:{]")
MUTEX_MEMBER = re.compile(r"^\s*(?:(?:static|mutable|inline)\s+)*(?:parley::)?(?:Shared)?Mutex\s+(\w+)\s*(?:\{\})?;", re.M)
BARE = re.compile(r"\bstd::(?:\w*mutex|lock_guard|unique_lock|scoped_lock|shared_lock|condition_variable(?:_any)?)\b|\bpthread_mutex_\w+")
NO_CODE = re.compile(r"//[^\n]*|'(?:\\.|[^'\\])'|\"(?:\\.|[^\"\\\n])*\"")

# GCC's other flags, and its precompiled headers, mean nothing to clang.
KEPT = re.compile(r"-[DI].+|-std=.+|-isystem.+|-iquote.+")
KEPT_WITH_VALUE = {"-D", "-I", "-isystem", "-iquote"}
WARNINGS = ["-fsyntax-only", "-Wno-everything", "-Wthread-safety", "-Werror=thread-safety"]


def clang_command(clang, entry):
    words = iter(entry.get("arguments") or shlex.split(entry["command"]))
    kept = []
    for word in words:
        if word in KEPT_WITH_VALUE:
            kept += [word, next(words)]
        elif KEPT.fullmatch(word):
            kept.append(word)
    return [clang, *kept, *WARNINGS]


class Tree:
    def __init__(self, root):
        self.code = {}  # by name, without comments and literals
        self.includes = {}
        for folder in FOLDERS:
            for file in sorted((root / folder).rglob("*")):
                if file.suffix in (".h", ".cpp"):
                    name, text = file.relative_to(root).as_posix(), file.read_text()
                    self.code[name] = NO_CODE.sub("", text)
                    self.includes[name] = INCLUDE.findall(text)
        self.code.pop(HEADER)

    @functools.cache
    def included(self, name):
        """All of ours that it includes, itself among them."""
        seen, left = set(), [name]
        while left:
            one = left.pop()
            if one not in seen and one in self.includes:
                seen.add(one)
                left += self.includes[one]
        return seen

    def touches_guarded(self, name):
        text = self.code[name]
        if LOCKS.search(text):
            return True
        included = self.included(name)
        if HEADER not in included:
            return False
        for header in included & self.code.keys():
            members = GUARDED.findall(self.code[header])
            if not members:
                continue
            classes = "|".join(one or other for one, other in CLASSES.findall(self.code[header]))
            if classes and re.search(rf"\b(?:{classes})::(?:\w+::)*~?\w+\(", text):
                return True
            if any(re.search(rf"(?:\.|->){member}\b", text) for member in members if not member.endswith("_")):
                return True
        return False

    def to_compile(self, sources):
        """Those of the sources that clang is shown, and sentences on what none of them shows it."""
        touching = [name for name in self.code if self.touches_guarded(name)]
        picked = [name for name in sources if name in touching]
        shown = set().union(*map(self.included, picked))
        unseen = []
        for header in (name for name in touching if name.endswith(".h") and name not in shown):
            if header in shown:
                continue
            source = next((name for name in sources if header in self.included(name)), None)
            if source is None:
                unseen.append(f"{header} uses {HEADER}, and no .cpp file includes it: nothing checks it")
            else:
                picked.append(source)
                shown |= self.included(source)
        return picked, unseen

    def rules_broken(self):
        for name, text in self.code.items():
            for found in sorted(set(BARE.findall(text))):
                yield f"{name} names {found}: take what {HEADER} has, which says what it guards"
            for mutex in MUTEX_MEMBER.findall(text):
                if not re.search(rf"PARLEY_(?:GUARDED_BY|REQUIRES|REQUIRES_SHARED)\([^)]*\b{mutex}\)", text):
                    yield f"{name}: nothing says that it is guarded by {mutex} (PARLEY_GUARDED_BY)"


def check(root, stamps, source, command):
    stamp = stamps / digest(root, source, command)
    if stamp.exists():
        return None
    done = subprocess.run([*command, str(root / source)], text=True, capture_output=True, cwd=root)
    if done.returncode == 0:
        stamp.touch()
        return None
    return f"{source}:\n{done.stderr}"


def problems(root, stamps, commands):
    """What is wrong, and how many files were compiled."""
    tree = Tree(root)
    picked, unseen = tree.to_compile([name for name in commands if name in tree.code])
    stamps.mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(lambda source: check(root, stamps, source, commands[source]), picked))
    return [*tree.rules_broken(), *unseen, *filter(None, found)], len(picked)


def commands_of(root, clang, database):
    commands = {}
    for entry in json.loads(database.read_text()):
        path = pathlib.Path(entry["directory"], entry["file"])
        if path.is_relative_to(root):
            commands[path.relative_to(root).as_posix()] = clang_command(clang, entry)
    return commands


# ---- the selftest: a tree in which all is right, and what a mistake adds to it ----

RIGHT = {
    "core/counter.h": """
#pragma once
#include "core/mutex.h"
class Counter {
 public:
  void add();
  void reset();
  bool wait();
 private:
  void add_one() PARLEY_REQUIRES(mutex_);
  parley::Mutex mutex_;
  parley::CondVar changed_;
  int count_ PARLEY_GUARDED_BY(mutex_) = 0;
};
""",
    "core/counter.cpp": """
#include "core/counter.h"
void Counter::add() {
  const parley::MutexLock lock(mutex_);
  add_one();
}
void Counter::add_one() { ++count_; }
bool Counter::wait() {
  parley::MutexLock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(1), [this]() PARLEY_REQUIRES(mutex_) { return count_ > 0; });
}
""",
    "core/board.h": """
#pragma once
#include "core/mutex.h"
struct Board {
  mutable parley::SharedMutex mutex;
  int score PARLEY_GUARDED_BY(mutex) = 0;
};
inline int score_of(const Board& board) {
  const parley::ReadLock lock(board.mutex);
  return board.score;
}
""",
    "core/game.cpp": """
#include "core/board.h"
// A std::mutex is named in a comment only.
void win(Board& board) {
  const parley::WriteLock lock(board.mutex);
  ++board.score;
}
int play(Board& board) { return score_of(board); }
""",
}
NEEDED = "requires holding mutex 'mutex_'"
MISTAKES = [
    ("nothing", {}, None),
    ("no lock", {"core/counter.cpp": '#include "core/counter.h"\nvoid Counter::add() { ++count_; }'}, NEEDED),
    ("no lock, in a file that names none",
     {"core/reset.cpp": '#include "core/counter.h"\nvoid Counter::reset() { count_ = 0; }'}, NEEDED),
    ("a function that wants the lock is called without",
     {"core/reset.cpp": '#include "core/counter.h"\nvoid Counter::reset() { add_one(); }'},
     "calling function 'add_one' requires holding mutex 'mutex_'"),
    ("the lock is given back too early", {"core/reset.cpp": """
#include "core/counter.h"
void Counter::reset() {
  parley::MutexLock lock(mutex_);
  lock.unlock();
  count_ = 0;
}"""}, NEEDED),
    ("no lock, in a class that is in a .cpp file", {"core/inner.cpp": """
#include "core/mutex.h"
class Inner {
 public:
  void add() { ++count_; }
 private:
  parley::Mutex mutex_;
  int count_ PARLEY_GUARDED_BY(mutex_) = 0;
};"""}, NEEDED),
    ("locked twice", {"core/reset.cpp": """
#include "core/counter.h"
void Counter::reset() {
  const parley::MutexLock lock(mutex_);
  const parley::MutexLock again(mutex_);
}"""}, "acquiring mutex 'mutex_' that is already held"),
    ("a public member, from elsewhere",
     {"core/peek.cpp": '#include "core/board.h"\nint peek(Board& board) { return board.score; }'},
     "requires holding shared mutex 'board.mutex'"),
    ("written by a reader", {"core/peek.cpp": """
#include "core/board.h"
void peek(Board& board) {
  const parley::ReadLock lock(board.mutex);
  ++board.score;
}"""}, "requires holding shared mutex 'board.mutex' exclusively"),
    ("in a header that is in no file which uses locks", {
        "core/peek.h": '#pragma once\n#include "core/board.h"\ninline int peek(Board& board) { return board.score; }',
        "core/peek.cpp": '#include "core/peek.h"',
    }, "requires holding shared mutex 'board.mutex'"),
    ("in a header that is in no file",
     {"core/peek.h": '#pragma once\n#include "core/board.h"\ninline int peek(Board& board) { return board.score; }'},
     "core/peek.h uses core/mutex.h, and no .cpp file includes it"),
    ("a bare mutex", {"core/bare.cpp": "#include <mutex>\nstd::recursive_mutex mine;"},
     "core/bare.cpp names std::recursive_mutex"),
    ("a mutex that guards nothing",
     {"core/vague.cpp": '#include "core/mutex.h"\nstruct Vague {\n  parley::Mutex mutex;\n  int count;\n};'},
     "core/vague.cpp: nothing says that it is guarded by mutex"),
]


def selftest(root, clang):
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        tree, stamps = pathlib.Path(folder, "tree"), pathlib.Path(folder, "stamps")
        for title, files, wanted in MISTAKES:
            shutil.rmtree(tree, ignore_errors=True)
            for name, text in {HEADER: (root / HEADER).read_text(), **RIGHT, **files}.items():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                (tree / name).write_text(text)
            entry = {"arguments": ["g++", f"-I{tree}", "-std=c++20", "-O2", "-c", "x.cpp"]}
            sources = sorted(file.relative_to(tree).as_posix() for file in tree.rglob("*.cpp"))
            found, _ = problems(tree, stamps, {source: clang_command(clang, entry) for source in sources})
            said = "\n".join(found)
            if (wanted is None and found) or (wanted is not None and (len(found) != 1 or wanted not in said)):
                wrong.append(f"{title}: expected {wanted!r} alone, got {said!r}")
    return wrong


def main():
    root = pathlib.Path(sys.argv[1])
    clang = shutil.which("clang++-14") or shutil.which("clang++")
    if clang is None:
        print("clang++ is not installed (./parley.sh deps installs it)")
        return SKIPPED
    if "--selftest" in sys.argv:
        wrong = selftest(root, clang)
        print("\n".join(wrong) or f"{len(MISTAKES)} trees gave what they should")
        return 1 if wrong else 0
    found, count = problems(root, pathlib.Path(sys.argv[2]), commands_of(root, clang, pathlib.Path(sys.argv[3])))
    if count < FILES_MIN:
        found.append(f"only {count} files use {HEADER}: are these the compile commands of {root}?")
    print("\n".join(found) or f"{count} files hold what they say of their mutexes")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
