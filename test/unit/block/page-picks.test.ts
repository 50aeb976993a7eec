// Picks are data: runs of pages that all columns share, and where wanted rows are among their rows.
import { expect, it } from 'vitest';
import { pickPages } from '../../../src/block/page-picks.ts';
import type { ChunkPages } from '../../../src/block/pages.ts';
import type { RowRange } from '../../../src/block/read-plan.ts';
import { createRandom } from '../../fixtures/random.ts';

/** A chunk whose pages have these many rows. */
function chunkOf(...rows: number[]): ChunkPages {
  let row = 0;
  const pages = rows.map((count) => {
    const page = { at: 0, bytes: 1, uncompressedBytes: 1, row, rows: count, values: count };
    row += count;
    return page;
  });
  return { dictionary: { bytes: 0, uncompressedBytes: 0 }, pages };
}

it('takes the pages with wanted rows alone', () => {
  const chunks = [chunkOf(20, 20, 20, 5), chunkOf(20, 20, 20, 5)];
  expect(pickPages(chunks, [[25, 3]], 65, 1000)).toEqual({
    runs: [[20, 20]],
    rows: 20,
    slices: [{ at: 5, row: 1025, count: 3 }],
  });
});

it('begins and ends runs where a page does in every column', () => {
  const chunks = [chunkOf(10, 10, 10, 10), chunkOf(20, 20), chunkOf(15, 5, 20)];
  expect(pickPages(chunks, [[12, 3]], 40, 0)).toMatchObject({ runs: [[0, 20]] });
  expect(pickPages([chunkOf(10, 30), chunkOf(20, 20)], [[12, 3]], 40, 0)).toMatchObject({
    runs: [[0, 40]],
  });
});

it('keeps apart runs with pages between them that nobody wants', () => {
  const wanted: RowRange[] = [
    [0, 2],
    [8, 4],
    [35, 5],
  ];
  expect(pickPages([chunkOf(10, 10, 10, 10)], wanted, 40, 100)).toEqual({
    runs: [
      [0, 20],
      [30, 10],
    ],
    rows: 30,
    slices: [
      { at: 0, row: 100, count: 2 },
      { at: 8, row: 108, count: 4 },
      { at: 25, row: 135, count: 5 },
    ],
  });
});

it('puts every wanted row where its slice says, whatever the pages are', () => {
  const seed = 77;
  const { below } = createRandom(seed);
  for (let round = 0; round < 500; round++) {
    const chunks = Array.from({ length: 1 + below(3) }, () => {
      const rows = Array.from({ length: 1 + below(6) }, () => below(30));
      return chunkOf(...rows, 200 - rows.reduce((a, b) => a + b, 0));
    });
    const wanted: [number, number][] = [];
    for (let from = below(20); from < 195; from += 1 + below(60)) {
      const count = 1 + below(Math.min(40, 200 - from));
      wanted.push([from, count]);
      from += count;
    }
    const { runs, rows, slices } = pickPages(chunks, wanted, 200, 0);
    const decoded = runs.flatMap(([from, count]) =>
      Array.from({ length: count }, (_, i) => from + i),
    );
    expect(decoded.length, `seed ${seed} round ${round}`).toBe(rows);
    expect(slices.map(({ row, count }) => [row, count])).toEqual(wanted);
    for (const { at, row, count } of slices) {
      for (let i = 0; i < count; i++) expect(decoded[at + i]).toBe(row + i);
    }
    for (const [from, count] of runs) {
      for (const { pages } of chunks) {
        const edges = [...pages.map((page) => page.row), 200];
        expect(edges).toContain(from);
        expect(edges).toContain(from + count);
      }
    }
  }
});
