// Makes the golden answers beside this file: run it only when an encoding is to change, into a new
// folder, and say why in the changelog. `bun test/golden/query/generate.ts`
import { writeFile } from 'node:fs/promises';
import { goldenJson, goldenTrees, limits } from './content.ts';

const merge = goldenTrees();
await writeFile(new URL('1/answers.json', import.meta.url), goldenJson(merge));
for (const maxNodes of limits) {
  await writeFile(new URL(`1/tree-${maxNodes}.bin`, import.meta.url), merge.treeBytes(maxNodes));
}
