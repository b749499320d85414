#!/usr/bin/env python3
"""coverage_rooms_test.py COVERAGE_ROOMS: what gcovr found of files, told of rooms."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

COVERAGE_ROOMS = sys.argv.pop()


def file(name, lines, branches):
    return {"filename": name, "line_covered": lines[0], "line_total": lines[1], "branch_covered": branches[0], "branch_total": branches[1]}


class CoverageRooms(unittest.TestCase):
    def run_it(self, text):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "summary.json")
            path.write_text(text, encoding="utf-8")
            done = subprocess.run([sys.executable, COVERAGE_ROOMS, path], capture_output=True, text=True, check=False,
                                  env=os.environ | {"PYTHONIOENCODING": "utf-8"})
            return done.returncode, done.stdout.splitlines(), done.stderr

    def test_the_files_of_a_folder_are_one_room_and_folders_below_are_others(self):
        files = [file("net/hub/a.cpp", (1, 2), (0, 0)), file("core/b.cpp", (1000, 1500), (1, 4)), file("core/b.h", (0, 500), (1, 4)), file("net/c.cpp", (0, 1), (0, 0))]
        self.assertEqual(self.run_it(json.dumps({"files": files})), (0, [
            "room              lines  covered  branches covered",
            "core     1,000 of 2,000   50.0 %            25.0 %",
            "net              0 of 1    0.0 %                 –",
            "net/hub          1 of 2   50.0 %                 –",
            "all      1,001 of 2,003   50.0 %            25.0 %",
        ], ""))

    def test_no_files_is_a_failure(self):
        code, lines, err = self.run_it('{"files": []}')
        self.assertEqual((code, lines), (1, []))
        self.assertIn("has no files", err)

    def test_what_is_no_summary_is_told(self):
        for text in ["", "[]", "{}", '{"files": [{"filename": "core/a.cpp"}]}', '{"files": [1]}']:
            code, lines, err = self.run_it(text)
            self.assertEqual((code, lines), (2, []), text)
            self.assertIn("is not what gcovr --json-summary writes", err)


if __name__ == "__main__":
    unittest.main()
