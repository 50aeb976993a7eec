// Mutants of a block's files whose checksums agree with them, so that every decoder sees the
// damage: each call answers or says `corrupt`, and nothing traps, hangs or eats memory.
// `PHLOX_FUZZ` sets the mutants per table; `PHLOX_FUZZ_SEED` repeats a run.
import { describe, expect, it } from 'vitest';
import xxhash from 'xxhash-wasm';
import { BlockReader } from '../../src/block/block-reader.ts';
import {
  blockKey,
  blockPrefix,
  type TableName,
  tableFile,
  tableNames,
} from '../../src/block/files.ts';
import { readFooter } from '../../src/block/footer.ts';
import { fileOf } from '../../src/block/meta.ts';
import { schemas } from '../../src/block/schema.ts';
import { readSymbols } from '../../src/block/symbols.ts';
import { packSymbols } from '../../src/kernel/symbols.ts';
import { createRandom, type Random } from '../fixtures/random.ts';
import {
  readerParts,
  storeBlock,
  testMeter,
  testParquet,
  testUlid,
} from '../support/block-folder.ts';
import { modelBlock } from '../support/block-model.ts';

const mutants = Math.ceil(Number(process.env['PHLOX_FUZZ'] ?? 2000) / 10);
const seed = Number(process.env['PHLOX_FUZZ_SEED'] ?? Date.now() % 2 ** 31);

const model = modelBlock(9, {
  services: 3,
  stacks: 300,
  samplesPerProfile: 60,
  profilesPerSeries: 8,
});
const block = await storeBlock(model);
const { h64Raw } = await xxhash();
/** Keeps nothing: every read decodes. */
const parts = await readerParts(0);
const symbolTables: readonly TableName[] = ['stacktraces', 'locations', 'functions', 'mappings'];

/** A few bytes changed, the last of the file apart, where the footer's length is. */
function mutant(bytes: Uint8Array, random: Random, footerBytes: number): Uint8Array {
  const out = bytes.slice();
  const end = out.length - 8;
  // Half of them in the pages, where the decoder is alone.
  const [from, count] = random.below(2) ? [4, end - footerBytes + 4] : [4, end - 4];
  for (let i = random.below(3); i >= 0; i--) {
    const at = from + random.below(count);
    out[at] = random.below(2) ? (out[at] ?? 0) ^ (1 << random.below(8)) : random.below(256);
  }
  return out;
}

async function readAll(table: TableName, bytes: Uint8Array): Promise<void> {
  const checksum = h64Raw(bytes).toString(16).padStart(16, '0');
  const files = block.meta.files.map((file) =>
    file.name === tableFile(table) ? { ...file, checksum } : file,
  );
  await block.memory.put(blockKey(testUlid, tableFile(table)), bytes);
  const meta = { ...block.meta, files };
  const reader = new BlockReader(
    parts,
    { bucket: block.memory, prefix: blockPrefix(testUlid), ulid: testUlid },
    meta,
  );
  if (symbolTables.includes(table)) {
    packSymbols(await readSymbols(reader, 'all', testMeter()));
    return;
  }
  const columns = schemas[table].fields.map((field) => field.name);
  const open = await reader.open(table, testMeter());
  for await (const batch of reader.read(open, { columns }, testMeter())) {
    expect(batch.columns.size).toBe(columns.length);
  }
}

describe(`mutants of a block's tables, seed ${seed}`, () => {
  it.each(tableNames)(
    '%s give an answer or corrupt',
    async (table) => {
      const random = createRandom(seed);
      const key = blockKey(testUlid, tableFile(table));
      const bytes = await block.memory.get(key);
      const { footerBytes } = fileOf(block.meta, table);
      expect(readFooter(bytes).bytes).toBe(footerBytes);
      const parquet = await testParquet();
      const before = parquet.memoryBytes();
      let refused = 0;
      try {
        for (let round = 0; round < mutants; round++) {
          try {
            await readAll(table, mutant(bytes, random, footerBytes));
          } catch (error) {
            expect(error, `round ${round}`).toMatchObject({
              kind: 'corrupt',
              message: expect.stringContaining(`block ${testUlid}: `),
            });
            refused++;
          }
        }
      } finally {
        await block.memory.put(key, bytes);
      }
      expect(refused).toBeGreaterThan(mutants / 4);
      // What a panic leaves behind is bounded by what checked pages can ask for.
      expect(parquet.memoryBytes() - before).toBeLessThan(64 * 1024 * 1024);
      // And the decoder still works.
      await readAll(table, bytes);
    },
    120_000,
  );
});
