// Folded stacks, the text format of flame-graph tools: `root;child;leaf value`, one line a stack.
import { Failure } from '../errors.ts';
import { compareUtf8 } from '../lib/compare-utf8.ts';
import type { QueryMeter } from '../model/source.ts';
import { noStackName, shownName } from './call-tree.ts';
import type { CallTree } from './contract.ts';

/** Of one answer: deep trees grow with the square of their depth. */
const charsMax = 64 * 1024 * 1024;

/** Lines with the largest value first, equal ones by their bytes; empty without data. */
export async function foldedText(tree: CallTree, meter: QueryMeter): Promise<string> {
  const paths: string[] = [''];
  const lines: { path: string; value: bigint }[] = [];
  let chars = 0;
  for (let node = 0; node < tree.parents.length; node++) {
    if (node > 0) {
      const above = paths[tree.parents[node] as number] as string;
      // The separator may not occur in a name; Java's descriptors have it.
      const name = shownName(tree.names[node] as string).replaceAll(';', ':');
      paths[node] = above === '' ? name : `${above};${name}`;
    }
    const value = tree.self[node] as bigint;
    if (value > 0n) {
      const path = node === 0 ? noStackName : (paths[node] as string);
      chars += path.length;
      if (chars > charsMax) {
        const message = `folded stacks have more than ${chars} characters, limit ${charsMax}`;
        throw new Failure('limit', `${message}: ask for fewer nodes`, { reason: 'query_limit' });
      }
      lines.push({ path, value });
    }
    if (node % 4096 === 0) await meter.pause();
  }
  lines.sort((a, b) => {
    if (a.value !== b.value) return a.value > b.value ? -1 : 1;
    return compareUtf8(a.path, b.path);
  });
  return lines.map(({ path, value }) => `${path} ${value}\n`).join('');
}
