// Random texts, valid and not, read by core/json_text.h (json_reader.cpp) and by Node's JSON.parse. They must agree on
// what is JSON, and on every value in it. `PARLEY_SEED=… PARLEY_ROUNDS=… node json.js path/to/json_reader` repeats a run.
"use strict";

const assert = require("node:assert");
const { spawnSync } = require("node:child_process");
const crypto = require("node:crypto");

const reader = process.argv[2];
const seed = Number(process.env.PARLEY_SEED ?? crypto.randomBytes(4).readUInt32LE(0));
const rounds = Number(process.env.PARLEY_ROUNDS ?? 20_000);
const depthMax = 200;
console.log(`seed ${seed}, ${rounds} texts`);

// mulberry32
let state = seed >>> 0;
function random(below) {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = Math.imul(state ^ (state >>> 15), state | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return (((t ^ (t >>> 14)) >>> 0) % below) >>> 0;
}
const one = (list) => list[random(list.length)];
const hex4 = (code) => {
  const text = code.toString(16).padStart(4, "0");
  return random(2) ? text : text.toUpperCase();
};

const chars = [..." \"\\/abz09{}[]:,-+.eEtfnu'", "\t", "\n", "\r", "\b", "\f", "\v", "\0", "\x1f", "\x7f", "\x80", "\xa0",
  "ä", "ß", "€", "\u2028", "\u2029", "\ufeff", "\uffff", "\ud7ff", "\ue000", "퟿한글", "日本", "😀", "𝄞", "\u{10ffff}"];

function stringText() {
  let out = '"';
  for (let left = random(6); left > 0; left--) {
    switch (random(10)) {
      case 0: case 1: case 2: {
        const char = one(chars);
        out += random(8) ? JSON.stringify(char).slice(1, -1) : char; // now and then what has to be escaped is not
        break;
      }
      case 3:
        out += "\\" + one([...'"\\/bfnrt']);
        break;
      case 4:
        out += "\\u" + hex4(random(0x10000));
        break;
      case 5: // halves of pairs, alone or not
        out += "\\u" + hex4(0xd800 + random(0x800));
        if (random(2)) out += "\\u" + hex4(0xd800 + random(0x800));
        break;
      case 6:
        out += "\\u" + hex4(0xd800 + random(0x400)) + "\\u" + hex4(0xdc00 + random(0x400));
        break;
      case 7:
        out += one(["abcdefghijklmnop", "plain text, longer than a word", "äöüäöüäöü", "한국어 한국어"]);
        break;
      case 8:
        out += random(4) ? "x" : one(["\\x41", "\\", "\\u12", "\\u{41}", "\\ud83", "\\U0041", "\\'", "\\0", "\\u+123"]);
        break;
      default:
        out += JSON.stringify(JSON.stringify({ s: String.fromCharCode(0xd800 + random(0x800)) })).slice(1, -1);
    }
  }
  return out + '"';
}

function numberText() {
  const digits = () => String(random(10 ** (1 + random(9))));
  switch (random(8)) {
    case 0: return one(["0", "-0", "0.0", "-0.0", "1e5", "1E+05", "1e-400", "1e400", "-1e9999999999999999999", "0e0"]);
    case 1: return one(["01", "-", "+1", ".5", "1.", "1.e5", "1e", "1e+", "--1", "0x10", "1_000", "Infinity", "NaN", "-a"]);
    case 2: return digits() + digits() + digits() + digits();
    case 3: return digits() + "." + digits();
    case 4: return "-" + digits() + "e" + one(["", "+", "-"]) + random(400);
    default: return (random(2) ? "-" : "") + digits();
  }
}

const space = () => (random(4) ? "" : one([" ", "\t", "\n", "\r", " \n ", "  ", "\f", "\xa0", "\u2003", "/**/"].slice(0, random(30) ? 6 : 10)));

function valueText(depth) {
  const wrapped = (text) => space() + text + space();
  switch (random(depth > 0 ? 9 : 6)) {
    case 0: return wrapped(one(["true", "false", "null", "null", "true", "True", "nul", "undefined", "truefalse"].slice(0, random(8) ? 5 : 9)));
    case 1: case 2: return wrapped(numberText());
    case 3: case 4: case 5: return wrapped(stringText());
    case 6: case 7: {
      const rows = Array.from({ length: random(4) }, () => `${space()}${one([stringText(), '"a"', '"__proto__"', '"id"'])}${space()}:${valueText(depth - 1)}`);
      return wrapped(`{${rows.length ? "" : space()}${rows.join(",")}${random(40) ? "" : ","}}`);
    }
    default:
      return wrapped(`[${Array.from({ length: random(4) }, () => valueText(depth - 1)).join(",")}${random(40) ? "" : ","}]`);
  }
}

function nested() {
  const levels = one([depthMax - 1, depthMax, depthMax + 1, 1 + random(2 * depthMax)]);
  const object = Array.from({ length: levels }, () => random(2) === 1);
  return object.map((is) => (is ? '{"a":' : "[")).join("") + "1" + object.reverse().map((is) => (is ? "}" : "]")).join("");
}

function text() {
  let bytes = Buffer.from(random(50) ? valueText(4) : nested());
  if (random(3)) return bytes;
  for (let changes = 1 + random(3); changes > 0 && bytes.length > 0; changes--) {
    const at = random(bytes.length);
    switch (random(4)) {
      case 0:
        bytes = bytes.subarray(0, at);
        break;
      case 1:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
        break;
      case 2: {
        const more = Buffer.from(one([[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82], [0x80], [0], [0xef, 0xbb, 0xbf]]));
        bytes = Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)]);
        break;
      }
      default:
        bytes = Buffer.from(bytes);
        bytes[at] = one([...'{}[]",:\\u0 eE-+.1a']).charCodeAt(0);
    }
  }
  return bytes;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
function parse(bytes) {
  try {
    return { value: JSON.parse(typeof bytes === "string" ? bytes : utf8.decode(bytes)) };
  } catch {
    return null;
  }
}

function depthOf(value) {
  let depth = 0;
  for (let level = [value]; ; depth++) {
    level = level.filter((one) => typeof one === "object" && one !== null).flatMap((one) => [one]);
    if (level.length === 0) return depth;
    level = level.flatMap((one) => Object.values(one));
  }
}

// What JavaScript makes of its strings when it has to write UTF-8.
const wellFormed = (string) => Buffer.from(string, "utf8").toString("utf8");
function wellFormedValue(value) {
  if (typeof value === "string") return wellFormed(value);
  if (Array.isArray(value)) return value.map(wellFormedValue);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [wellFormed(name), wellFormedValue(inner)]));
}

const texts = Array.from({ length: rounds }, text);
const input = Buffer.concat(texts.flatMap((bytes) => {
  const head = Buffer.alloc(4);
  head.writeUInt32LE(bytes.length);
  return [head, bytes];
}));
const ran = spawnSync(reader, [String(depthMax)], { input, maxBuffer: 1 << 30 });
assert.strictEqual(ran.status, 0, `the reader ended with ${ran.status ?? ran.signal}: ${ran.stderr}`);
const lines = utf8.decode(ran.stdout).split("\n");
assert.strictEqual(lines.length, texts.length + 1);

let accepted = 0;
texts.forEach((bytes, index) => {
  const about = `seed ${seed}, text ${index}: ${JSON.stringify(bytes.toString())} (${bytes.toString("hex")})`;
  const [verdict, data, server, passedOn] = lines[index].split("\t");
  const parsed = parse(bytes);
  if (parsed === null || depthOf(parsed.value) > depthMax) {
    // A text that a reader gives up for its depth before it finds that it is none is refused in any case.
    assert.strictEqual(verdict, "refused", about);
    return;
  }
  assert.strictEqual(verdict, "ok", about);
  accepted++;
  assert.deepStrictEqual(JSON.parse(data), parsed.value, about);
  // Names that become equal by the replacement: the last counts, but at another place.
  if (!/ufffd|\ufffd/i.test(server)) assert.deepStrictEqual(JSON.parse(server), wellFormedValue(parsed.value), about);
  if (typeof parsed.value === "string") {
    assert.strictEqual(JSON.parse(server), wellFormed(parsed.value), about);
    const inner = parse(parsed.value);
    const expected = inner !== null && depthOf(inner.value) <= depthMax ? inner.value : parsed.value;
    assert.deepStrictEqual(JSON.parse(JSON.parse(passedOn)), expected, about);
  } else {
    assert.strictEqual(JSON.parse(passedOn), utf8.decode(bytes), about); // byte for byte
  }
});
console.log(`${accepted} are JSON, ${rounds - accepted} are not, and both readers agree`);
assert.ok(rounds < 1_000 || (accepted > rounds / 10 && accepted < rounds * 0.95), "the texts are too much of one kind");
