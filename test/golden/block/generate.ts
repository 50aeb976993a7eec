// Makes the golden block beside this file: run it only for a new format version or a new encoder,
// into a new folder, and keep the old ones. `bun test/golden/block/generate.ts`
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { encodeBlockMeta } from '../../../src/block/meta.ts';
import { metaOf, modelBlock, stackTotalsOf } from '../../support/block-model.ts';
import { writeFolder } from '../../support/duckdb.ts';
import { tablesOf } from '../../support/tables.ts';

const ulid = '01J0GMDEN00000000000000000';
const model = modelBlock(42);
const folder = fileURLToPath(new URL(`${ulid}/`, import.meta.url));
const files = await writeFolder(folder, tablesOf(model));
await writeFile(`${folder}/meta.json`, encodeBlockMeta(metaOf(model, ulid, files)));
const totals = [...stackTotalsOf([model])].map(([key, value]) => [...JSON.parse(key), `${value}`]);
await writeFile(`${folder}/stack-totals.json`, `${JSON.stringify(totals, undefined, 1)}\n`);
