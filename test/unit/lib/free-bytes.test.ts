// Memory given back at once, on every runtime the tests run on.
import { describe, expect, it } from 'vitest';
import { arraysIn, freeBytes } from '../../../src/lib/free-bytes.ts';

describe('freed arrays', () => {
  it('have no elements, nor have others over the same buffer', () => {
    const whole = new Uint32Array([1, 2, 3, 4]);
    const part = whole.subarray(1, 3);
    freeBytes([whole]);
    expect([whole.length, part.length, whole.buffer.byteLength]).toEqual([0, 0, 0]);
    freeBytes([whole]);
  });

  it('are left alone when they are a part of a buffer, or of the memory of a module', () => {
    const whole = new Uint8Array(16);
    const memory = new Uint8Array(new WebAssembly.Memory({ initial: 1 }).buffer);
    freeBytes([whole.subarray(0, 8), new Uint8Array()]);
    expect([whole.length, memory.length]).toEqual([16, 65_536]);
  });

  it('are found wherever they are in an object', () => {
    const [a, b, c] = [new Uint8Array(1), new BigInt64Array(1), new Uint32Array(1)];
    const found = [...arraysIn({ a, deep: { list: [b, { c }], text: 'x', none: undefined } })];
    expect(found).toEqual([a, b, c]);
  });
});
