// Folded stacks (`groups`, `folded`, `collapsed`): `main;work;step 12`, one stack a line, root
// first. Owns the grammar of a line.
import { Failure } from '../errors.ts';
import type { Steps } from '../lib/steps.ts';
import { parseCount } from './count.ts';
import type { StackTree } from './stack-tree.ts';
import { forEachLine } from './text-lines.ts';

/**
 * Adds every line's stack. The count is what follows the last space; a line without a space does
 * not count. Throws `invalid` with the number of the line whose count is none.
 */
export function readFolded(bytes: Uint8Array, tree: StackTree): Steps<void> {
  return forEachLine(bytes, (line, number) => {
    const space = line.lastIndexOf(' ');
    if (space === -1) return;
    const count = parseCount(line.slice(space + 1));
    if (count === undefined) {
      const shown = JSON.stringify(line.slice(space + 1, space + 65));
      throw new Failure('invalid', `line ${number}: ${shown} is no whole number from 0 to 2^63-1`, {
        reason: 'malformed_profile',
      });
    }
    tree.addJoined(line.slice(0, space), count);
  });
}
