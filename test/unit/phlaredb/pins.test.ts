// Pins of blocks that queries read.
import { expect, it } from 'vitest';
import { Pins } from '../../../src/phlaredb/pins.ts';

const ulid = '01J00000000000000000000001';

it('keeps a block until its last reader is done', () => {
  const pins = new Pins();
  const first = pins.pin('a', ulid);
  const second = pins.pin('a', ulid);
  first();
  first();
  expect(pins.isPinned('a', ulid)).toBe(true);
  expect(pins.isPinned('b', ulid)).toBe(false);
  second();
  expect(pins.isPinned('a', ulid)).toBe(false);
});
