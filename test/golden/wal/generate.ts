// Makes the golden log beside this file: run it only for a new format version, into a new folder,
// and keep the old ones. `bun test/golden/wal/generate.ts`
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { writtenVersion, writeGolden } from './content.ts';

const folder = fileURLToPath(new URL(`${writtenVersion}/`, import.meta.url));
await mkdir(folder, { recursive: true });
for (const [name, bytes] of await writeGolden()) await writeFile(`${folder}${name}`, bytes);
