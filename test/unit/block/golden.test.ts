// Yesterday's bytes: the committed block is still read, and today's writer still makes it.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import xxhash from 'xxhash-wasm';
import { tableFile, tableNames } from '../../../src/block/files.ts';
import { encodeBlockMeta, parseBlockMeta } from '../../../src/block/meta.ts';
import { metaOf, modelBlock } from '../../support/block-model.ts';
import { openDuckdb, temporaryFolder, writeFolder } from '../../support/duckdb.ts';
import { tablesOf } from '../../support/tables.ts';

const ulid = '01J0GMDEN00000000000000000';
const golden = fileURLToPath(new URL(`../../golden/block/${ulid}`, import.meta.url));
/** SHA-256 of the eight tables one after the other, equal on every runtime. */
const tablesSha256 = '170809a2b33bd40c0eb3b08071488a9111c1693158bed9784de0b5b3bc741bae';

async function readTables(folder: string): Promise<Uint8Array<ArrayBuffer>[]> {
  return Promise.all(
    tableNames.map(
      async (table) => new Uint8Array(await readFile(`${folder}/${tableFile(table)}`)),
    ),
  );
}

async function sha256(parts: readonly Uint8Array<ArrayBuffer>[]): Promise<string> {
  const all = await new Blob([...parts]).arrayBuffer();
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', all));
  return [...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

it('writes the golden bytes on this runtime', async () => {
  await using folder = await temporaryFolder();
  const model = modelBlock(42);
  const files = await writeFolder(folder.path, tablesOf(model));
  expect(await sha256(await readTables(folder.path))).toBe(tablesSha256);
  const meta = new Uint8Array(await readFile(`${golden}/meta.json`));
  expect(encodeBlockMeta(metaOf(model, ulid, files))).toEqual(meta);
});

it('knows the golden block by its meta.json', async () => {
  const meta = parseBlockMeta(new Uint8Array(await readFile(`${golden}/meta.json`)));
  const tables = await readTables(golden);
  expect(await sha256(tables)).toBe(tablesSha256);
  const { h64Raw } = await xxhash();
  expect(meta.files.map(({ bytes, checksum }) => ({ bytes, checksum }))).toEqual(
    tables.map((bytes) => ({
      bytes: bytes.length,
      checksum: h64Raw(bytes).toString(16).padStart(16, '0'),
    })),
  );
});

it('answers the golden stacks through the macros', async () => {
  const duckdb = await openDuckdb();
  try {
    const rows = await duckdb.rows(`
      SELECT profile_type, service_name, to_json(stack)::VARCHAR AS stack, value::VARCHAR AS value
      FROM stack_totals('${golden}', NULL)`);
    const found = rows.map((row) => [
      row.profile_type,
      row.service_name,
      JSON.parse(row.stack as string),
      row.value,
    ]);
    const expected = JSON.parse(await readFile(`${golden}/stack-totals.json`, 'utf8')) as unknown[];
    const sorted = (values: unknown[]) => values.map((value) => JSON.stringify(value)).sort();
    expect(sorted(found)).toEqual(sorted(expected));
  } finally {
    duckdb.close();
  }
});
