// Stacks as bare lines (`lines`): `main;work;step`, one sample a line, root first.
import type { Steps } from '../lib/steps.ts';
import type { StackTree } from './stack-tree.ts';
import { forEachLine } from './text-lines.ts';

/** Adds 1 for every line that is not empty. */
export function readLines(bytes: Uint8Array, tree: StackTree): Steps<void> {
  return forEachLine(bytes, (line) => tree.addJoined(line, 1n));
}
