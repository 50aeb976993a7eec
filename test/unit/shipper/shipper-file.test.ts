// shipper.json: its exact bytes, and what is refused.
import { describe, expect, it } from 'vitest';
import { MemoryBucket } from '../../../src/bucket/memory.ts';
import { parseShipperFile, writeShipperFile } from '../../../src/shipper/shipper-file.ts';
import { bytesOf, textOf } from '../../support/bytes.ts';
import { ulidOf } from '../../support/shipped-blocks.ts';

const golden = `{
  "version": 1,
  "uploaded": [
    "01J00000000000000000000001",
    "01J00000000000000000000002"
  ]
}
`;

describe('shipper.json', () => {
  it('is written in the form that was written yesterday', async () => {
    const bucket = new MemoryBucket();
    await writeShipperFile(bucket, [ulidOf(1), ulidOf(2)]);
    expect(textOf(await bucket.get('shipper.json'))).toBe(golden);
  });

  it('reads that form, also with keys it does not know', () => {
    expect(parseShipperFile(bytesOf(golden))).toEqual([ulidOf(1), ulidOf(2)]);
    expect(parseShipperFile(bytesOf('{"version":1,"uploaded":[],"more":true}'))).toEqual([]);
  });

  it('refuses other versions and what is no such file, naming what is wrong', () => {
    const bad: [string, string][] = [
      ['', 'not json'],
      ['{"uploaded":[]}', 'version missing, supported 1'],
      ['{"version":2,"uploaded":[]}', 'version 2, supported 1'],
      ['{"version":"1","uploaded":[]}', 'version "1", supported 1'],
      ['{"version":1}', 'uploaded'],
      ['{"version":1,"uploaded":["../../etc"]}', 'uploaded.0'],
      ['{"version":1,"uploaded":[7]}', 'uploaded.0'],
    ];
    for (const [text, message] of bad) {
      expect(() => parseShipperFile(bytesOf(text))).toThrow(message);
    }
  });
});
