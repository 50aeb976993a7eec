// The table of the wire, asked of the app in this process.
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { wireExclusions } from '../cases/wire/exclusions.ts';
import { wireLimits } from '../cases/wire/row.ts';
import { wireSuite } from '../cases/wire/suite.ts';
import { startLimited } from '../support/limited-app.ts';
import { testStartMs } from '../support/memory-platform.ts';

wireSuite('the app', {
  nowMs: testStartMs,
  isLarge: false,
  open: async () => {
    const test = await startLimited(wireLimits, { multitenancy: true });
    return {
      fetch: (path, init) => test.app.fetch(new Request(`http://127.0.0.1:4040${path}`, init)),
      close: () => test[Symbol.asyncDispose](),
    };
  },
});

describe('what no row asks', () => {
  it.each(wireExclusions)('$section $what has a reason', ({ why }) => {
    expect(why).not.toBe('');
    for (const file of why.match(/test\/[a-z/-]+\.test\.ts/g) ?? []) {
      expect([file, existsSync(file)]).toEqual([file, true]);
    }
  });
});
