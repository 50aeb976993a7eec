// The head module's border in the guarded build: that of `index.ts`, with the allocator of
// `guards.ts` for the query module too, and checks where a host looks at a head or resets it.
import { checkGuards } from './guards';
import { memoryTop as topOf } from './allocator';
import { stats as statsOf } from './head';
import { rollback as rollbackTo } from './rollback';

export * from './index';
export { checkGuards, giveGuarded as release, takeGuarded as allocate } from './guards';

/** As in `index.ts`, like the next two. */
export function memoryTop(): usize {
  checkGuards();
  return topOf();
}

/** See `memoryTop`. */
export function stats(): usize {
  checkGuards();
  return statsOf();
}

/** See `memoryTop`. */
export function rollback(): i32 {
  checkGuards();
  const status = rollbackTo();
  checkGuards();
  return status;
}
