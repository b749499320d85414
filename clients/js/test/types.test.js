// The types that are published are those of the code, and a page in TypeScript compiles against them.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { expect, test } from "vitest";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const said = (diagnostics) => diagnostics.map(({ file, start, messageText }) => `${file?.fileName}:${file ? file.getLineAndCharacterOfPosition(start).line + 1 : 0}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`);

test("the code agrees with its types, and `npm run build` has written these", () => {
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
  const { fileNames, options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const program = ts.createProgram(fileNames, options);
  const stale = [];
  const { diagnostics } = program.emit(undefined, (name, text) => {
    if (ts.sys.readFile(name) !== text) stale.push(name);
  });
  expect(said([...ts.getPreEmitDiagnostics(program), ...diagnostics])).toEqual([]);
  expect(stale).toEqual([]);
});

test("a page in TypeScript compiles", () => {
  const program = ts.createProgram([join(root, "test/types/page.tsx")], {
    strict: true,
    noEmit: true,
    jsx: ts.JsxEmit.ReactJSX,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler, // as Vite and Next.js have it
    lib: ["lib.es2022.d.ts", "lib.dom.d.ts"],
    types: [],
    skipLibCheck: true,
  });
  expect(said(ts.getPreEmitDiagnostics(program))).toEqual([]);
});
