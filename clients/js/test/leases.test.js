// Claims, stores and positions by themselves.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { Leases } from "../src/leases.js";
import { formatPosition, parsePosition } from "../src/position.js";
import { Store } from "../src/store.js";

describe("leases", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());
  const thing = () => ({ close: vi.fn() });

  test("opens for the first and closes a moment after the last", () => {
    const leases = new Leases(100);
    const open = vi.fn(thing);
    const [one, two] = [leases.acquire("a", open), leases.acquire("a", open)];
    expect(open).toHaveBeenCalledTimes(1);
    one.release();
    vi.advanceTimersByTime(1000);
    expect(one.value.close).not.toHaveBeenCalled();
    two.release();
    vi.advanceTimersByTime(99);
    expect(one.value.close).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(one.value.close).toHaveBeenCalledTimes(1);
    expect(leases.peek("a")).toBe(undefined);
  });

  test("a claim within the moment keeps it, and the moment begins anew", () => {
    const leases = new Leases(100);
    const first = leases.acquire("a", thing);
    first.release();
    vi.advanceTimersByTime(60);
    const second = leases.acquire("a", thing);
    expect(second.value).toBe(first.value);
    vi.advanceTimersByTime(1000);
    second.release();
    vi.advanceTimersByTime(60);
    expect(first.value.close).not.toHaveBeenCalled();
    vi.advanceTimersByTime(40);
    expect(first.value.close).toHaveBeenCalledTimes(1);
  });

  test("a claim counts once, however often it is released", () => {
    const leases = new Leases(0);
    const [one, two] = [leases.acquire("a", thing), leases.acquire("a", thing)];
    one.release();
    one.release({ now: true });
    vi.runAllTimers();
    expect(one.value.close).not.toHaveBeenCalled();
    two.release({ now: true });
    expect(one.value.close).toHaveBeenCalledTimes(1);
  });

  test("what was closed at once is not closed again by a timer of before, and a new one is another", () => {
    const leases = new Leases(100);
    const first = leases.acquire("a", thing);
    first.release();
    leases.closeAll();
    const second = leases.acquire("a", thing);
    expect(second.value).not.toBe(first.value);
    vi.runAllTimers();
    expect(first.value.close).toHaveBeenCalledTimes(1);
    expect(second.value.close).not.toHaveBeenCalled();
  });
});

describe("a store", () => {
  test("has one snapshot until something changes, and tells many changes of one turn once", async () => {
    let n = 0;
    const store = new Store({ n }, () => ({ n }));
    const told = vi.fn();
    const stop = store.onChange(told);
    const before = store.snapshot;
    expect(store.snapshot).toBe(before);
    for (n = 1; n < 100; n++) store.changed();
    expect(store.snapshot).toEqual({ n: 100 });
    expect(store.snapshot).toBe(store.snapshot);
    await Promise.resolve();
    expect(told).toHaveBeenCalledTimes(1);
    stop();
    store.changed();
    await Promise.resolve();
    expect(told).toHaveBeenCalledTimes(1);
  });

  test("one listener twice is two", async () => {
    const store = new Store(0, () => 0);
    const told = vi.fn();
    const [stop] = [store.onChange(told), store.onChange(told)];
    stop();
    store.changed();
    await Promise.resolve();
    expect(told).toHaveBeenCalledTimes(1);
  });
});

test("a position is epoch:offset and nothing else", () => {
  expect(parsePosition("00000000000a1b2c:42")).toEqual({ epoch: "00000000000a1b2c", offset: 42 });
  expect(formatPosition({ epoch: "00000000000a1b2c", offset: 42 })).toBe("00000000000a1b2c:42");
  for (const wrong of ["", "42", "00000000000a1b2c:", "00000000000a1b2c:-1", "00000000000A1B2C:1", "x0000000000a1b2c:1", "00000000000a1b2c:1 ", null, undefined, 42, {}]) {
    expect(parsePosition(wrong)).toBe(null);
  }
});
