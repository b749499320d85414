#!/usr/bin/env python3
"""bench_compare_test.py COMPARE: what counts as worse between two runs, and what cannot be compared."""
import copy
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

COMPARE = pathlib.Path(sys.argv.pop()).resolve()
HISTORY = COMPARE.parent / "history"
CHAT = "Chat, server CPU µs per publish"


def chat(**servers):
    return {"chat": {server.replace("_", "."): [{"scenario": "chat", "label": server, "cpu_us_per_publish": figure} for figure in figures]
                     for server, figures in servers.items()}}


class BenchCompare(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def compare_files(self, *arguments):
        done = subprocess.run([sys.executable, COMPARE, *arguments], capture_output=True, text=True, check=False, timeout=60,
                              env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8"})
        return done.returncode, done.stdout.splitlines(), done.stderr

    def compare(self, old, new, *flags):
        for name, results in [("old.json", old), ("new.json", new)]:
            (self.folder / name).write_text(results if isinstance(results, str) else json.dumps(results), encoding="utf-8")
        return self.compare_files(*flags, self.folder / "old.json", self.folder / "new.json")

    def row(self, old, new, *flags, label=CHAT, server="Parley"):
        code, lines, err = self.compare(old, new, *flags)
        self.assertEqual(err, "")
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
        return code, next(row[2:] for row in rows if row[:2] == [label, server])

    def test_without_a_peer_the_figure_is_judged(self):
        self.assertEqual(self.row(chat(Parley=[100]), chat(Parley=[110])), (0, ["100", "110", "–", "+10.0 %", ""]))
        self.assertEqual(self.row(chat(Parley=[100]), chat(Parley=[111])), (1, ["100", "111", "–", "+11.0 %", "worse"]))
        self.assertEqual(self.row(chat(Parley=[100]), chat(Parley=[89])), (0, ["100", "89", "–", "-11.0 %", "better"]))

    def test_what_is_more_better_is_worse_when_it_shrinks(self):
        old, label = {"chat": {"Parley": [{"publishes_per_s": 1000}]}}, "Chat, publishes/s"
        for new, code, change, verdict in [(900, 0, "-10.0 %", ""), (890, 1, "-11.0 %", "worse"), (1200, 0, "+20.0 %", "better")]:
            with self.subTest(new):
                got, cells = self.row(old, {"chat": {"Parley": [{"publishes_per_s": new}]}}, label=label)
                self.assertEqual((got, cells[3:]), (code, [change, verdict]))

    def test_a_machine_that_is_slower_for_the_peer_too_is_no_regression(self):
        self.assertEqual(self.row(chat(Parley=[20], soketi=[40]), chat(Parley=[40], soketi=[80])), (0, ["20", "40", "soketi", "+0.0 %", ""]))

    def test_a_faster_machine_hides_no_regression(self):
        self.assertEqual(self.row(chat(Parley=[20], soketi=[40]), chat(Parley=[20], soketi=[30])), (1, ["20", "20", "soketi", "+33.3 %", "worse"]))

    def test_one_noisy_peer_of_three_decides_nothing(self):
        old, new = chat(Parley=[20], soketi=[40], socket_io=[60], uWebSockets=[10]), chat(Parley=[20], soketi=[40], socket_io=[20], uWebSockets=[10])
        self.assertEqual(self.row(old, new), (0, ["20", "20", "soketi, socket.io, uWebSockets", "+0.0 %", ""]))

    def test_a_peer_that_one_file_lacks_or_has_as_zero_is_not_used(self):
        for peers in [{}, {"soketi": []}, {"soketi": [0]}]:
            with self.subTest(peers):
                self.assertEqual(self.row(chat(Parley=[20], soketi=[40]), chat(Parley=[30], **peers)), (1, ["20", "30", "–", "+50.0 %", "worse"]))

    def test_several_runs_are_judged_by_their_median(self):
        self.assertEqual(self.row(chat(Parley=[20, 21, 90]), chat(Parley=[22, 5, 23]))[1], ["21", "22", "–", "+4.8 %", ""])

    def test_each_way_of_parleys_is_judged(self):
        old = {"chat": {"Parley, Socket.IO": [{"cpu_us_per_publish": 20}], "Parley, mixed": [{"cpu_us_per_publish": 20}]}}
        new = {"chat": {"Parley, Socket.IO": [{"cpu_us_per_publish": 20}], "Parley, mixed": [{"cpu_us_per_publish": 30}]}}
        self.assertEqual(self.row(old, new, server="Parley, Socket.IO"), (1, ["20", "20", "–", "+0.0 %", ""]))
        self.assertEqual(self.row(old, new, server="Parley, mixed"), (1, ["20", "30", "–", "+50.0 %", "worse"]))

    def test_the_tolerance_can_be_set(self):
        old, new = chat(Parley=[100]), chat(Parley=[104])
        self.assertEqual(self.row(old, new, "--tolerance", "3")[0], 1)
        self.assertEqual(self.row(old, new, "--tolerance", "4")[0], 0)
        for bad in ["-1", "100", "nan", "ten"]:
            self.assertEqual(self.compare(old, new, f"--tolerance={bad}")[0], 2)

    def test_a_count_that_was_none_and_is_one_now_is_worse(self):
        def waiting(count):
            return {"webhooks": {"Parley": [{"backlog_max": count}]}}
        label = "Webhooks at 2,200/s, most events waiting"
        self.assertEqual(self.row(waiting(0), waiting(3), label=label), (1, ["0", "3", "–", "from 0", "worse"]))
        self.assertEqual(self.row(waiting(0), waiting(0), label=label), (0, ["0", "0", "–", "+0.0 %", ""]))

    def test_rows_of_one_file_only_are_told_and_not_judged(self):
        old = chat(Parley=[20]) | {"connect": {"Parley": [{"cpu_us_per_connect": 50}]}}
        code, lines, _ = self.compare(old, chat(Parley=[20]))
        self.assertEqual((code, lines[-1]), (0, "1 rows compared, 0 worse by more than 10 %; 1 are in one of the files only"))
        self.assertIn("| Connect and subscribe, server CPU µs | Parley | 50 | – | – | – | only in OLD |", lines)
        self.assertIn("| Connect and subscribe, server CPU µs | Parley | – | 50 | – | – | only in NEW |", self.compare(chat(Parley=[20]), old)[1])

    def test_what_cannot_be_compared_is_an_error_of_its_own(self):
        good = chat(Parley=[20])
        for bad, said in [("", "Expecting value"), ("[]", "no object"), ('{"chat": 1}', "chat has no servers"),
                          ('{"chat": {"Parley": {}}}', "chat, Parley has no runs"), ('{"chat": {"Parley": [1]}}', "chat, Parley has no runs"),
                          (chat(Parley=["20"]), "cpu_us_per_publish is '20', no figure"), (chat(Parley=[True]), "is True, no figure"),
                          (chat(Parley=[-1]), "is -1, no figure"), (chat(Parley=[float("nan")]), "is nan, no figure"),
                          ({}, "have no row in common"), ({"connect": {"Parley": [{"cpu_us_per_connect": 50}]}}, "have no row in common")]:
            with self.subTest(bad):
                code, lines, err = self.compare(good, bad)
                self.assertEqual((code, lines), (2, []))
                self.assertIn(said, err)
                self.assertTrue(err.startswith("compare: "), err)
        code, lines, err = self.compare_files(self.folder / "none.json", self.folder / "none.json")
        self.assertEqual((code, lines), (2, []))
        self.assertIn("No such file", err)

    def test_each_file_of_the_history_can_be_compared_and_notices_when_it_gets_worse(self):
        files = sorted(HISTORY.glob("*.json"))
        self.assertTrue(files)
        for file in files:
            with self.subTest(file.name):
                code, lines, err = self.compare_files(file, file)
                self.assertEqual((code, err), (0, ""))
                slower = copy.deepcopy(json.loads(file.read_text(encoding="utf-8")))
                for run in slower["fanout"]["Parley"]:
                    run["cpu_us_per_delivery"] *= 1.2
                (self.folder / "slower.json").write_text(json.dumps(slower), encoding="utf-8")
                code, lines, err = self.compare_files(file, self.folder / "slower.json")
                self.assertEqual((code, err), (1, ""))
                self.assertEqual([line for line in lines if line.endswith("| worse |")],
                                 [line for line in lines if line.startswith("| Fan-out, server CPU µs per delivery | Parley |")])


if __name__ == "__main__":
    unittest.main()
