// The golden answers through the API: pushed as pprofs, asked of a head and of a block, and equal
// to what is committed byte for byte.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ProfileFormat } from '../../src/gen/querier/v1/querier_pb.ts';
import { encodePprof } from '../fixtures/pprof-writer.ts';
import { left, limits, right } from '../golden/query/content.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { testStartMs } from '../support/memory-platform.ts';
import { querierOf } from '../support/query-oracle-question.ts';
import { diffOf, graphOf } from '../support/query-oracle-wire.ts';

const read = (name: string) => readFileSync(new URL(`../golden/query/1/${name}`, import.meta.url));

interface Golden {
  maxNodes: number;
  flameGraph: object;
  diff: object;
}
const golden: Golden[] = JSON.parse(read('answers.json').toString());

/** Folded lines as a pprof; a line without a name is the empty stack. */
function pprofOfText(text: string): Uint8Array {
  const lines = text.split('\n').map((line) => {
    const end = line.lastIndexOf(' ');
    const frames = end === 0 ? [] : line.slice(0, end).split(';');
    return { frames, value: BigInt(line.slice(end + 1)) };
  });
  const names = [...new Set(lines.flatMap(({ frames }) => frames))];
  const idOf = (name: string) => names.indexOf(name) + 1;
  return encodePprof({
    sampleTypes: [['cpu', 'nanoseconds']],
    periodType: ['cpu', 'nanoseconds'],
    timeNs: BigInt(testStartMs) * 1_000_000n,
    samples: lines.map(({ frames, value }) => ({
      locations: frames.map(idOf).reverse(),
      values: [value],
    })),
    functions: names.map((name) => ({ id: idOf(name), name })),
    locations: names.map((name) => ({ id: idOf(name), lines: [{ function: idOf(name) }] })),
  });
}

const selectOf = (service: string, maxNodes: number) => ({
  profileTypeID: 'process_cpu:cpu:nanoseconds:cpu:nanoseconds',
  labelSelector: `{service_name="${service}"}`,
  start: BigInt(testStartMs),
  end: BigInt(testStartMs),
  maxNodes: BigInt(maxNodes),
});

/** Numbers of any size as text, and a level as one, like the golden file. */
const plain = (answer: { levels: bigint[][] }) =>
  JSON.parse(
    JSON.stringify(
      { ...answer, levels: answer.levels.map((level) => level.join(' ')) },
      (_, value) => (typeof value === 'bigint' ? `${value}` : value),
    ),
  );

async function expectGolden(app: TestApp['app'], isBinary: boolean): Promise<void> {
  const client = querierOf(app, isBinary);
  for (const { maxNodes, flameGraph, diff } of golden) {
    const [one, other] = [selectOf('left', maxNodes), selectOf('right', maxNodes)];
    const graph = await client.selectMergeStacktraces(one);
    expect(plain(graphOf(graph.flamegraph))).toEqual(flameGraph);
    const tree = await client.selectMergeStacktraces({ ...one, format: ProfileFormat.TREE });
    expect(Buffer.from(tree.tree).equals(read(`tree-${maxNodes}.bin`))).toBe(true);
    const both = await client.diff({ left: one, right: other });
    expect(plain(diffOf(both.flamegraph))).toEqual(diff);
  }
}

describe.each([true, false])('golden answers, binary %s', (isBinary) => {
  it('come from a head, and from a block', async () => {
    expect(golden.map(({ maxNodes }) => maxNodes)).toEqual(limits);
    await using server = await startApp();
    for (const [service, text] of Object.entries({ left, right })) {
      const labels = { __name__: 'process_cpu', service_name: service };
      const { status } = await server.push([{ labels, profiles: [pprofOfText(text)] }]);
      expect(status).toBe(200);
    }
    await expectGolden(server.app, isBinary);
    expect(await server.flush()).toBe(204);
    await expectGolden(server.app, isBinary);
  });
});
