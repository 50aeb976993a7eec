// Pages against a model that lays out one byte after the other.
import { describe, expect, it } from 'vitest';
import { PageLayout, PageWriter, pageHeaderBytes, readPageHeader } from '../../../src/wal/pages.ts';
import { SegmentReader } from '../../../src/wal/segment-file.ts';
import { createRandom } from '../../fixtures/random.ts';
import { ModelDisk } from '../../support/model-disk.ts';

const name = { logTag: 0xfeedbeef, segment: 7 };
const pageBytes = 64;
const payloadBytes = pageBytes - pageHeaderBytes;

/** Records of these sizes, written in some batches into one file. */
function layOut(sizes: readonly number[], batchOf: (record: number) => boolean) {
  const layout = new PageLayout(pageBytes);
  const writer = new PageWriter(layout);
  const file = new Uint8Array(layout.endOffsetOf(sizes.reduce((a, b) => a + b, 0)));
  const stream: number[] = [];
  const starts: number[] = [];
  writer.begin(name, 0, file.length);
  for (const [index, size] of sizes.entries()) {
    if (index > 0 && batchOf(index)) {
      const { bytes, offset } = writer.take();
      file.set(bytes, offset);
      writer.begin(name, stream.length, file.length);
    }
    starts.push(stream.length);
    const record = Uint8Array.from({ length: size }, (_, at) => 1 + ((index + at) % 200));
    stream.push(...record);
    writer.beginRecord(size);
    writer.add(record.subarray(0, size >> 1));
    writer.add(record.subarray(size >> 1));
  }
  const { bytes, offset } = writer.take();
  file.set(bytes, offset);
  return { layout, file, stream, starts };
}

/** The bytes between page headers. */
function withoutHeaders(file: Uint8Array): number[] {
  return [...file].filter((_, offset) => offset % pageBytes >= pageHeaderBytes);
}

describe('pages', () => {
  it('hold the records one after the other, whatever the batches', () => {
    const random = createRandom(3);
    for (let round = 0; round < 200; round++) {
      const sizes = Array.from({ length: 1 + random.below(9) }, () => 1 + random.below(130));
      const { file, stream, starts } = layOut(sizes, () => random.below(2) === 0);
      expect(withoutHeaders(file)).toEqual(stream);
      for (let page = 0; page * pageBytes < file.length; page++) {
        const from = page * payloadBytes;
        const first = starts.find((start) => start >= from && start < from + payloadBytes);
        const told = readPageHeader(file.subarray(page * pageBytes), name, page);
        // Where the last record ends one may start: the header was written before that is known.
        const end = stream.length;
        const isEnd = end >= from && end < from + payloadBytes;
        const expected = first ?? (isEnd ? end : undefined);
        expect(told).toBe(expected === undefined ? 0 : expected - from + pageHeaderBytes);
      }
    }
  });

  it('are read by position, through windows of any size', async () => {
    const random = createRandom(4);
    const { layout, file, stream, starts } = layOut([90, 3, 40, 41, 200, 1], () => false);
    const disk = new ModelDisk({ hasShortWrites: true });
    const handle = await disk.open('/pages', 'w+');
    for (let at = 0; at < file.length; ) {
      at += (await handle.write(file, at, file.length - at, at)).bytesWritten;
    }
    const reader = new SegmentReader(handle, layout, file.length);
    expect(reader.capacity).toBe(stream.length);
    for (let round = 0; round < 500; round++) {
      const from = random.below(stream.length + 20);
      const length = random.below(150);
      const bytes = await reader.at(from, length, random.below(200));
      const expected =
        from + length <= stream.length ? stream.slice(from, from + length) : undefined;
      expect(bytes && [...bytes]).toEqual(expected);
    }
    for (let position = 0; position < stream.length; position++) {
      const nextPage = (Math.floor(position / payloadBytes) + 1) * payloadBytes;
      const next = starts.find((start) => start >= nextPage);
      expect(await reader.nextStart(position, name)).toBe(next);
    }
  });

  it('do not take the header of another page, segment or log, nor a damaged one', () => {
    const { file } = layOut([200], () => false);
    const header = file.slice(pageBytes, pageBytes + pageHeaderBytes);
    expect(readPageHeader(header, name, 1)).toBe(0);
    expect(readPageHeader(header, name, 2)).toBeUndefined();
    expect(readPageHeader(header, { ...name, segment: 8 }, 1)).toBeUndefined();
    expect(readPageHeader(header, { ...name, logTag: 1 }, 1)).toBeUndefined();
    for (let bit = 0; bit < pageHeaderBytes * 8; bit++) {
      const damaged = header.slice();
      damaged[bit >> 3] = (header[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(readPageHeader(damaged, name, 1)).toBeUndefined();
    }
  });
});
