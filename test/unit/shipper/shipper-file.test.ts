// shipper.json: its exact bytes, and what is refused.
import { describe, expect, it } from 'vitest';
import { MemoryBucket } from '../../../src/bucket/memory.ts';
import { createLogger } from '../../../src/lib/log.ts';
import {
  parseShipperFile,
  readShipperFile,
  writeShipperFile,
} from '../../../src/shipper/shipper-file.ts';
import { bytesOf, textOf } from '../../support/bytes.ts';
import { ulidOf } from '../../support/shipped-blocks.ts';

/** As it was written before it named the bucket. */
const older = '{"version":1,"uploaded":["01J00000000000000000000001"]}';

const golden = `{
  "version": 1,
  "bucket": "s3://name/prefix/",
  "uploaded": [
    "01J00000000000000000000001",
    "01J00000000000000000000002"
  ]
}
`;

describe('shipper.json', () => {
  it('is written in the form that was written yesterday', async () => {
    const bucket = new MemoryBucket();
    const uploaded = [ulidOf(1), ulidOf(2)];
    await writeShipperFile(bucket, { bucket: 's3://name/prefix/', uploaded });
    expect(textOf(await bucket.get('shipper.json'))).toBe(golden);
  });

  it('reads that form, also with keys it does not know', () => {
    const uploaded = [ulidOf(1), ulidOf(2)];
    expect(parseShipperFile(bytesOf(golden))).toEqual({ bucket: 's3://name/prefix/', uploaded });
    const more = '{"version":1,"bucket":"x","uploaded":[],"more":true}';
    expect(parseShipperFile(bytesOf(more))).toEqual({ bucket: 'x', uploaded: [] });
  });

  it('reads the form without a bucket', () => {
    expect(parseShipperFile(bytesOf(older))).toEqual({ bucket: undefined, uploaded: [ulidOf(1)] });
  });

  it('counts for the bucket it names, for no other, and says so', async () => {
    const lines: Record<string, unknown>[] = [];
    const sink = (line: string) => lines.push(JSON.parse(line));
    const log = createLogger({ level: 'info', format: 'json', nowMs: () => 0, sink });
    const folder = new MemoryBucket();
    expect(await readShipperFile(folder, 's3://name/prefix/', log)).toBeUndefined();
    await folder.put('shipper.json', bytesOf(golden));
    const same = await readShipperFile(folder, 's3://name/prefix/', log);
    expect(same?.uploaded).toEqual([ulidOf(1), ulidOf(2)]);
    expect(lines).toEqual([]);
    expect((await readShipperFile(folder, 's3://other/', log))?.uploaded).toEqual([]);
    await folder.put('shipper.json', bytesOf(older));
    expect((await readShipperFile(folder, 's3://name/prefix/', log))?.uploaded).toEqual([]);
    expect(lines).toMatchObject([
      { level: 'warn', listed: 's3://name/prefix/', bucket: 's3://other/' },
      { level: 'info' },
    ]);
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
