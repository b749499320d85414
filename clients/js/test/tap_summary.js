// The last lines of a run, in the words of Node's test runner: `# pass 12`, `# fail 0`. What counts the repository's tests
// reads them. A test that was not run counts as failed, and so does a file that could not be loaded.

/** @param {any} task */
const cases = (task) => (task.type === "suite" ? task.tasks.flatMap(cases) : [task]);

export default class TapSummary {
  /** @param {any[]} files */
  onFinished(files = [], errors = []) {
    let [pass, fail] = [0, errors.length];
    for (const file of files) {
      const all = file.tasks.flatMap(cases);
      const passed = all.filter((task) => task.result?.state === "pass" && !task.result.pending).length;
      pass += passed;
      fail += all.length - passed;
      if (file.result?.state === "fail" && passed === all.length) fail++;
    }
    process.stdout.write(`\n# pass ${pass}\n# fail ${fail}\n`);
  }
}
