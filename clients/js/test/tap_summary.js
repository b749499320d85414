// The last lines of a run, in the words of Node's test runner: `# pass 12`, `# fail 0`. What counts the repository's tests
// reads them. A file that could not be loaded counts as a failure, and so does each of its tests. A test that says of itself that
// the server does not serve its protocol is neither.

/** @param {any} task */
const cases = (task) => (task.type === "suite" ? task.tasks.flatMap(cases) : [task]);

export default class TapSummary {
  /** @param {any[]} files */
  onFinished(files = [], errors = []) {
    let [pass, fail, skipped] = [0, errors.length, 0];
    for (const file of files) {
      const all = file.tasks.flatMap(cases);
      const passed = all.filter((task) => task.result?.state === "pass").length;
      // `pending`: the test itself called skip() while it ran.
      const refused = all.filter((task) => task.result?.pending === true).length;
      pass += passed;
      skipped += refused;
      fail += all.length - passed - refused;
      if (file.result?.state === "fail" && passed === all.length) fail++;
    }
    process.stdout.write(`\n# pass ${pass}\n# fail ${fail}\n# skipped ${skipped}\n`);
  }
}
