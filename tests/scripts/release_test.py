#!/usr/bin/env python3
"""release_test.py RELEASE: what is found not to be ready for a release, and the tag of one that is.

The files that carry the version are the repository's own, in a git repository of its own.
"""
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

RELEASE = pathlib.Path(sys.argv.pop()).resolve()
ROOT = RELEASE.parent.parent
# Nothing of the caller's git reaches the test, a hook's GIT_DIR least of all.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | {
    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.com"}


def load():
    spec = importlib.util.spec_from_file_location("release", RELEASE)
    module = importlib.util.module_from_spec(spec)
    sys.modules["release"] = module  # dataclasses look their module up
    sys.dont_write_bytecode = True
    spec.loader.exec_module(module)
    return module


release = load()
FILES = sorted({place.file for place in release.PLACES})
NOW = release.PLACES[0].versions(ROOT)[0][1]
NEXT = "7.8.9"


class Release(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        for file in FILES:
            (self.root / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / file, self.root / file)
        for place in release.PLACES:
            self.set_version(place, NEXT)
        self.changelog(f"## {NEXT} (2030-01-31)\n\nAn introduction.\n\n- One thing.\n- Another,\n  on two lines.\n\n## {NOW} (2029-01-01)\n\n- Old.\n")
        self.git("init", "--quiet")
        self.commit()

    def git(self, *arguments):
        return subprocess.run(["git", *arguments], cwd=self.root, env=ENVIRONMENT, capture_output=True, text=True, check=True).stdout

    def commit(self):
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "a state")

    def changelog(self, text):
        (self.root / "CHANGELOG.md").write_text(f"# Changes\n\nWhat users notice.\n\n{text}", encoding="utf-8")

    def set_version(self, place, version):
        path = self.root / place.file
        text = path.read_text(encoding="utf-8")
        if isinstance(place, release.JsonPlace):
            top = at = json.loads(text)
            for name in place.path[:-1]:
                at = at[name]
            at[place.path[-1]] = version
            path.write_text(json.dumps(top), encoding="utf-8")
        else:
            old = place.versions(self.root)[0][1]
            path.write_text(text.replace(old, version), encoding="utf-8")

    def run_it(self, *arguments, version=NEXT):
        done = subprocess.run([sys.executable, RELEASE, version, "--root", self.root, *arguments], env=ENVIRONMENT,
                              capture_output=True, text=True, check=False, timeout=60)
        return done.returncode, done.stdout, done.stderr

    def assert_not_ready(self, *lines):
        code, out, err = self.run_it()
        self.assertEqual((code, out, err.splitlines()), (1, "", [f"release: {line}" for line in lines]))
        self.assertEqual(self.git("tag"), "")

    def test_what_is_ready_gets_an_annotated_tag_with_its_section(self):
        self.assertEqual(self.run_it(), (0, f"made the tag v{NEXT}; git push origin v{NEXT} publishes it\n", ""))
        self.assertEqual(self.git("cat-file", "-t", f"v{NEXT}"), "tag\n")
        self.assertEqual(self.git("rev-parse", f"v{NEXT}^{{commit}}"), self.git("rev-parse", "HEAD"))
        self.assertEqual(self.git("tag", "--list", "--format=%(contents)", f"v{NEXT}").rstrip("\n"),
                         f"Parley {NEXT}\n\nAn introduction.\n\n- One thing.\n- Another,\n  on two lines.")

    def test_check_makes_no_tag(self):
        self.assertEqual(self.run_it("--check"), (0, f"{NEXT} is ready; scripts/release.py {NEXT} makes the tag\n", ""))
        self.assertEqual(self.git("tag"), "")

    def test_a_tag_that_exists_is_left_alone(self):
        self.run_it()
        tag = self.git("rev-parse", f"v{NEXT}")
        self.assertEqual(self.run_it(), (1, "", f"release: the tag v{NEXT} exists already\n"))
        self.assertEqual(self.git("rev-parse", f"v{NEXT}"), tag)

    def test_each_place_that_says_another_version_is_named(self):
        for place in release.PLACES:
            with self.subTest(place):
                where = place.versions(self.root)[0][0]
                self.set_version(place, "1.1.1")
                self.commit()
                self.assert_not_ready(f"{where} says 1.1.1, not {NEXT}")
                self.set_version(place, NEXT)

    def test_a_place_that_is_gone_is_an_error_not_an_agreement(self):
        (self.root / "docs/webhooks.md").write_text("# Webhooks\n")
        (self.root / "clients/laravel/composer.json").write_text("{}")
        (self.root / "clients/js/package.json").unlink()
        self.commit()
        code, _, err = self.run_it()
        self.assertEqual(code, 1)
        self.assertIn("release: docs/webhooks.md: no version found", err)
        self.assertIn("release: clients/laravel/composer.json: version is not there", err)
        self.assertIn("release: clients/js/package.json: cannot be read", err)

    def test_a_file_that_is_no_place_but_names_the_version_before_is_found(self):
        (self.root / "docs/new.md").write_text(f"Hello.\n\nThis is {NOW}.\n")
        (self.root / "docs/other.md").write_text(f"^{NOW} 1{NOW} {NOW}.5 >={NOW} {NOW}-rc.1\n")
        (self.root / "image.png").write_bytes(b"\xff\xfe" + NOW.encode())
        self.commit()
        self.assert_not_ready(f"docs/new.md:3: still names {NOW}")

    def test_the_top_section_must_be_of_the_version(self):
        self.changelog("## 7.8.8 (2030-01-31)\n\n- One.\n")
        self.commit()
        self.assert_not_ready(f"CHANGELOG.md: the top section is of 7.8.8, not of {NEXT}")

    def test_a_section_needs_a_date_that_exists(self):
        for heading, said in [("", "nothing"), (" (unreleased)", "`unreleased`"), (" (2030-02-30)", "`2030-02-30`"), (" (31.01.2030)", "`31.01.2030`")]:
            with self.subTest(heading):
                self.changelog(f"## {NEXT}{heading}\n\n- One.\n")
                self.commit()
                self.assert_not_ready(f"CHANGELOG.md: the heading of {NEXT} says {said} where the date belongs: `## {NEXT} (YYYY-MM-DD)`")

    def test_a_section_needs_entries_of_its_own(self):
        self.changelog(f"## {NEXT} (2030-01-31)\n\nAn introduction.\n\n## 7.0.0 (2029-01-01)\n\n- Old.\n")
        self.commit()
        self.assert_not_ready(f"CHANGELOG.md: the section of {NEXT} has no entries; one begins with `- `")

    def test_a_version_comes_after_the_one_before(self):
        self.changelog(f"## {NEXT} (2030-01-31)\n\n- One.\n\n## 7.10.0 (2029-01-01)\n\n- Old.\n")
        self.commit()
        self.assert_not_ready(f"CHANGELOG.md: {NEXT} does not come after 7.10.0, the section below it")

    def test_what_is_not_committed_is_named(self):
        (self.root / "new.txt").write_text("new")
        (self.root / "CMakeLists.txt").write_text(f"project(parley VERSION {NEXT} LANGUAGES CXX)\n")
        self.assert_not_ready("not committed:  M CMakeLists.txt", "not committed: ?? new.txt")

    def test_what_is_no_version_is_refused(self):
        for version in ["1.2", "v1.2.3", "1.2.03", "1.2.3-rc1", "", "1.2.3\n"]:
            with self.subTest(version):
                code, _, err = self.run_it(version=version)
                self.assertEqual(code, 2)
                self.assertIn("a version is three numbers", err)

    def test_without_a_repository_it_says_that_it_could_not_look(self):
        shutil.rmtree(self.root / ".git")
        code, _, err = self.run_it()
        self.assertEqual(code, 2)
        self.assertIn("release: git ", err)


class ThisTree(unittest.TestCase):
    """Between releases too: whoever raises the version raises it everywhere."""

    def test_every_place_says_the_same(self):
        self.assertEqual(release.wrong_places(ROOT, NOW), [])

    def test_the_changelogs_top_section_is_of_this_version_and_comes_after_the_one_below(self):
        found = [line for line in release.wrong_in_changelog(release.sections(ROOT), NOW) if "where the date belongs" not in line]
        self.assertEqual(found, [])


if __name__ == "__main__":
    unittest.main()
