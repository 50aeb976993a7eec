// What `/pyroscope/render` and the command answer of the profiles of `query-calls.ts`, over what
// serves them; and that the command prints the same over the blocks themselves.
import { fromBinary } from '@bufbuild/protobuf';
import { expect } from 'vitest';
import { ProfileSchema } from '../../src/gen/google/v1/profile_pb.ts';
import { phlox } from '../support/phlox-command.ts';
import type { ServerRuntime } from '../support/servers.ts';
import { queriedBig, queriedMs, queriedType, stacksOf } from './query-calls.ts';

const query = `${queriedType}{service_name="shop"}`;
const [from, until] = [String(queriedMs - 60_000), String(queriedMs + 60_000)];

/** Every format of `/pyroscope/render`. */
export async function expectRenders(url: string): Promise<void> {
  const params = new URLSearchParams({ query, from, until });
  const at = (more: string) => fetch(`${url}/pyroscope/render?${params}&${more}`);
  const folded = await (await at('format=folded')).text();
  expect(folded).toBe(`main;work;leaf ${queriedBig + 1n}\nmain;work 4\n`);
  expect(await (await at('')).json()).toMatchObject({
    flamebearer: { names: ['total', 'main', 'work', 'leaf'] },
    groups: null,
  });
  expect(await (await at('format=md&budget=2000')).text()).toContain('leaf');
  const bytes = new Uint8Array(await (await at('format=pprof')).arrayBuffer());
  expect(stacksOf(fromBinary(ProfileSchema, bytes)).get('main;work')).toBe(4n);
}

const times = ['--from', from, '--until', until];

/** Commands that read. */
export const queryPrints: readonly (readonly string[])[] = [
  ['query', query, ...times],
  ['query', query, ...times, '--format', 'folded'],
  ['query', query, ...times, '--format', 'json'],
  ['query', query, ...times, '--format', 'md'],
  ['query', query, ...times, '--format', 'dot'],
  ['top', query, ...times],
  ['diff', query, ...times, '--baseline-until', String(queriedMs)],
  ['series', '--labels'],
];

/** Each of them, over a server and over what it wrote. */
export async function expectSamePrints(
  runtime: ServerRuntime,
  url: string,
  folder: string,
  commands: typeof queryPrints,
): Promise<void> {
  for (const args of commands) {
    const [asked, read] = [
      await phlox(runtime, [...args, url]),
      await phlox(runtime, [...args, folder]),
    ];
    expect(asked).toMatchObject({ code: 0, stderr: '' });
    expect([args[0], read]).toEqual([args[0], asked]);
    expect(read.stdout).toContain(args[0] === 'series' ? 'shop' : 'work');
  }
}
