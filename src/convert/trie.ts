// Pyroscope's binary trie (`trie`): nodes as in a tree, but a name is a fragment; the fragments
// from the root to a node, one after the other, are a stack joined by `;`. Owns the bound on what
// they expand to: a trie of n bytes can spell n² of them.
import { Failure } from '../errors.ts';
import type { Steps } from '../lib/steps.ts';
import type { StackTree } from './stack-tree.ts';
import { readNodes } from './tree.ts';

/** All stacks together, spelled out: as folded text of four times the largest body. */
const stackBytesMax = 32 * 1024 * 1024;

/** Adds the stack of every node that has a value. Throws `invalid` for what is no trie. */
export function readTrie(bytes: Uint8Array, tree: StackTree): Steps<void> {
  const decoder = new TextDecoder();
  // No path is longer than the body that spells it.
  const path = new Uint8Array(bytes.byteLength);
  let spelled = 0;
  return readNodes<number>(bytes, (fragment, value, parentLength = 0) => {
    path.set(fragment, parentLength);
    const length = parentLength + fragment.byteLength;
    if (value === 0n) return length;
    spelled += length;
    if (spelled > stackBytesMax) {
      throw new Failure('invalid', `stacks are more than ${stackBytesMax} bytes, the limit`, {
        reason: 'profile_size_limit',
      });
    }
    tree.addJoined(decoder.decode(path.subarray(0, length)), value);
    return length;
  });
}
