// `meta.json`: what is written is read back, and what contradicts itself is neither written nor
// believed.
import { expect, it } from 'vitest';
import { tableFile, tableNames } from '../../../src/block/files.ts';
import {
  type BlockMeta,
  encodeBlockMeta,
  fileOf,
  parseBlockMeta,
} from '../../../src/block/meta.ts';
import { metaOf, modelBlock } from '../../support/block-model.ts';
import { tablesOf } from '../../support/tables.ts';

const ulid = '01J0000000000000000000000A';
const model = modelBlock(1);
const files = tablesOf(model).map((table, i) => ({
  name: tableFile(tableNames[i]!),
  bytes: 1000 + i,
  rows: table.rows,
  checksum: '0123456789abcdef',
  footerBytes: 500,
}));
const meta = metaOf(model, ulid, files);

const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const dataset = (change: Partial<BlockMeta['datasets'][number]>): BlockMeta => ({
  ...meta,
  datasets: meta.datasets.map((one, i) => (i === 1 ? { ...one, ...change } : one)),
});

it('reads back what it wrote', () => {
  expect(parseBlockMeta(encodeBlockMeta(meta))).toEqual(meta);
  expect(fileOf(meta, 'samples').rows).toBe(model.samples.length);
});

it('tolerates keys it does not know, at every level', () => {
  const newer = {
    ...meta,
    later: 1,
    stats: { ...meta.stats, later: 2 },
    files: [...files.map((file) => ({ ...file, later: 3 })), { ...files[0]!, name: 'x.parquet' }],
    datasets: meta.datasets.map((one) => ({ ...one, later: 4 })),
  };
  const extra = { ...files[0]!, name: 'x.parquet' };
  expect(parseBlockMeta(bytesOf(newer))).toEqual({ ...meta, files: [...files, extra] });
});

it('refuses another version before it looks at anything else', () => {
  const refusal = (version: unknown) => () =>
    parseBlockMeta(bytesOf({ version }), 'meta.json of 01J0');
  expect(refusal(2)).toThrow('meta.json of 01J0 has version 2, supported 1');
  expect(refusal('1')).toThrow('meta.json of 01J0 has version "1", supported 1');
  expect(refusal(undefined)).toThrow('meta.json of 01J0 has version missing, supported 1');
  expect(() => parseBlockMeta(bytesOf(null))).toThrow('has version missing');
});

const wrong: [string, unknown, string][] = [
  ['a lower-case ulid', { ...meta, ulid: ulid.toLowerCase() }, 'ulid: not a ulid'],
  ['a time that is not whole', { ...meta, minTime: 1.5 }, 'minTime: '],
  ['times that cross', { ...meta, maxTime: meta.minTime - 1 }, 'minTime is '],
  ['a path as a file name', { ...meta, files: [{ ...files[0], name: '../x.parquet' }] }, 'files.0'],
  ['a missing table', { ...meta, files: files.slice(1) }, 'files are profiles.parquet'],
  ['a short checksum', { ...meta, files: [{ ...files[0], checksum: 'ab' }] }, 'files.0.checksum'],
  ['a wrong series count', { ...meta, stats: { ...meta.stats, numSeries: 9 } }, 'numSeries is 9'],
  ['a wrong profile count', { ...meta, stats: { ...meta.stats, numProfiles: 9 } }, 'numProfiles'],
  ['a wrong sample count', { ...meta, stats: { ...meta.stats, numSamples: 9 } }, 'numSamples is'],
  ['a gap between datasets', dataset({ samples: [999, 1] }), 'samples of service-0 start at'],
  ['rows without a dataset', { ...meta, datasets: meta.datasets.slice(0, 2) }, 'datasets cover'],
  ['a dataset outside the block', dataset({ maxTime: meta.maxTime + 1 }), 'times of service-0'],
];

it.each(wrong)('refuses %s', (_, value, message) => {
  expect(() => parseBlockMeta(bytesOf(value))).toThrow(
    expect.objectContaining({ kind: 'corrupt', message: expect.stringContaining(message) }),
  );
  expect(() => encodeBlockMeta(value as BlockMeta)).toThrow(
    expect.objectContaining({ kind: 'internal', message: expect.stringContaining(message) }),
  );
});

it('refuses bytes that are not json or not utf-8', () => {
  const corrupt = expect.objectContaining({ kind: 'corrupt' });
  expect(() => parseBlockMeta(new Uint8Array())).toThrow(corrupt);
  expect(() => parseBlockMeta(encodeBlockMeta(meta).slice(0, -20))).toThrow(corrupt);
  expect(() => parseBlockMeta(Uint8Array.of(0x22, 0xff, 0x22))).toThrow(corrupt);
});
