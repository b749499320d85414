#!/usr/bin/env python3
"""count_tests_test.py COUNT_TESTS: what the last lines of the test command say of results of each form."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

COUNT_TESTS = sys.argv.pop()

NODE = """\
▶ a suite
  ✔ one (0.5ms)
  ﹣ a Go program publishes (0.759944ms) # go is not installed
﹣ another (12ms) # go is not installed
﹣ without a reason (0.1ms) # SKIP
ℹ tests 4
ℹ pass {passed}
ℹ fail {failed}
ℹ cancelled 0
ℹ skipped 3
ℹ todo 0
"""
SHELL = """\
ok - nginx accepts it
ok - systemd accepts it # SKIP systemd is not installed
# pass 1
# fail 0
# skip 1
"""
CTEST = """<testsuite><testcase name="unit_net" status="run"/><testcase name="layering" status="run"/></testsuite>"""
GTEST = """\
<testsuites><testsuite name="Net">
<testcase name="Works" status="run" result="completed" classname="Net"/>
<testcase name="WantsRedis" status="run" result="skipped" classname="Net">
<skipped message="net_test.cpp:85&#x0A;redis-server is not installed&#x0A;"><![CDATA[net_test.cpp:85
redis-server is not installed
]]></skipped></testcase>
</testsuite></testsuites>"""

PHPUNIT = """\
<?xml version="1.0" encoding="UTF-8"?>
<testsuites><testsuite name="" tests="4"><testsuite name="unit"><testsuite name="Unit\\SettingsTest">
<testcase name="test_it_works" class="Unit\\SettingsTest" time="0.1"/>
<testcase name="test_a_host with data set #0" class="Unit\\SettingsTest"/>
{more}
</testsuite></testsuite></testsuite></testsuites>"""


class CountTests(unittest.TestCase):
    def count(self, files):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = pathlib.Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            run = subprocess.run([sys.executable, COUNT_TESTS, folder], capture_output=True, text=True, check=False)
            return run.returncode, run.stdout.splitlines()

    def test_without_skips_the_last_line_is_as_it_always_was(self):
        self.assertEqual(self.count({"e2e/run.log": "ℹ pass 3\nℹ fail 0\nℹ cancelled 0\nℹ skipped 0\n"}), (0, ["3 passed, 0 failed"]))

    def test_skips_are_counted_and_their_reasons_told_for_each_form(self):
        code, lines = self.count({
            "e2e/run.log": NODE.format(passed=1, failed=0),
            "deploy/checks.tap": SHELL,
            "release/ctest.xml": CTEST,
            "release/gtest/unit_net.xml": GTEST,
        })
        self.assertEqual(code, 0)
        self.assertEqual(lines, [
            "skipped: 2 because go is not installed",
            "skipped: 1 because redis-server is not installed",
            "skipped: 1 because systemd is not installed",
            "skipped: 1 because without a reason",
            "4 passed, 0 failed, 5 skipped",
        ])

    def test_skips_that_only_the_summary_knows_are_counted(self):
        code, lines = self.count({"e2e/run.log": "ℹ pass 1\nℹ fail 0\nℹ cancelled 0\nℹ skipped 2\n"})
        self.assertEqual((code, lines), (0, ["skipped: 2 because no reason given", "1 passed, 0 failed, 2 skipped"]))

    def test_a_ctest_that_skips_itself_says_why_and_one_that_could_not_run_failed(self):
        code, lines = self.count({"release/ctest.xml": """<testsuite>
            <testcase name="layering" status="run"/>
            <testcase name="thread_safety" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/>
              <system-out>clang++ is not installed&#10;</system-out></testcase>
            <testcase name="silent" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/><system-out></system-out></testcase>
            </testsuite>"""})
        self.assertEqual((code, lines), (0, ["skipped: 1 because clang++ is not installed", "skipped: 1 because silent",
                                             "1 passed, 0 failed, 2 skipped"]))
        code, lines = self.count({"release/ctest.xml": """<testsuite><testcase name="gone" status="notrun">
            <skipped message="Unable to find executable"/></testcase></testsuite>"""})
        self.assertEqual((code, lines), (1, ["failed: release/gone: was not run", "0 passed, 1 failed"]))

    def test_a_failure_is_a_failure_beside_skips(self):
        code, lines = self.count({"e2e/run.log": NODE.format(passed=0, failed=1)})
        self.assertEqual((code, lines[-1]), (1, "0 passed, 1 failed, 3 skipped"))

    def test_a_run_without_a_summary_failed(self):
        code, lines = self.count({"e2e/run.log": "✔ one (0.5ms)\n"})
        self.assertEqual((code, lines[-1]), (1, "0 passed, 1 failed"))

    def test_phpunit_is_counted(self):
        self.assertEqual(self.count({"laravel/phpunit.xml": PHPUNIT.format(more="")}), (0, ["2 passed, 0 failed"]))

    def test_phpunits_failures_errors_and_skips_are_told(self):
        code, lines = self.count({"laravel/phpunit.xml": PHPUNIT.format(more="""
            <testcase name="test_a" class="A"><failure type="x">A::test_a&#10;false is not true</failure></testcase>
            <testcase name="test_b" class="A"><error type="x">A::test_b&#10;an exception</error></testcase>
            <testcase name="test_c" class="A"><warning type="x">nothing in it</warning></testcase>
            <testcase name="test_d" class="A"><skipped/></testcase>""")})
        self.assertEqual((code, lines[-1]), (1, "2 passed, 3 failed, 1 skipped"))
        for line in ["failed: A::test_a", "    false is not true", "failed: A::test_b", "    an exception", "failed: A::test_c", "skipped: 1 because A::test_d"]:
            self.assertIn(line, lines)

    def test_a_phpunit_that_died_or_ran_nothing_failed(self):
        for text in ["", "<testsuites><testsuite>", "<testsuites></testsuites>"]:
            self.assertEqual(self.count({"laravel/phpunit.xml": text}),
                             (1, ["failed: laravel/phpunit.xml: ended without a summary", "0 passed, 1 failed"]))


if __name__ == "__main__":
    unittest.main()
