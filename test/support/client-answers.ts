// What is found on a server of the busy programs of `test/clients`: which types under which
// service, and how much of a profile was counted in a function. Owns what each program must be
// found as.
import { expect } from 'vitest';

/** Unix milliseconds as queries have them. */
export interface Range {
  start: string;
  end: string;
}
type Headers = Record<string, string>;

/** So many milliseconds before and after a time; a query may ask for a day. */
export function around(ms: number, reachMs: number): Range {
  return { start: String(ms - reachMs), end: String(ms + reachMs) };
}

async function ask(url: string, method: string, body: object, headers: Headers): Promise<unknown> {
  const response = await fetch(`${url}/querier.v1.QuerierService/${method}`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(200);
  return response.json();
}

/** The profile types of a service, sorted. */
export async function typesOf(url: string, times: Range, headers: Headers, service: string) {
  const matchers = [`{service_name="${service}"}`];
  const asked = { matchers, labelNames: ['__profile_type__'], ...times };
  const { labelsSet = [] } = (await ask(url, 'Series', asked, headers)) as {
    labelsSet?: { labels: { value: string }[] }[];
  };
  return labelsSet.flatMap(({ labels }) => labels.map(({ value }) => value)).sort();
}

/** Stacks, root first, with their values. */
async function stacksOf(url: string, query: string, times: Range, headers: Headers) {
  const parameters = new URLSearchParams({ query, from: times.start, until: times.end });
  const path = `/pyroscope/render?${parameters}&format=folded`;
  const response = await fetch(url + path, { headers });
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const at = line.lastIndexOf(' ');
      return { frames: line.slice(0, at).split(';'), value: Number(line.slice(at + 1)) };
    });
}

/** The part of all values that was counted in stacks through a function. */
export async function shareOf(
  name: RegExp,
  ...asked: Parameters<typeof stacksOf>
): Promise<number> {
  const stacks = await stacksOf(...asked);
  const sum = (some: typeof stacks) => some.reduce((total, { value }) => total + value, 0);
  return sum(stacks.filter(({ frames }) => frames.some((one) => name.test(one)))) / sum(stacks);
}

/** A program, and what it must be found as. */
interface Client {
  client: string;
  /** In its captures. */
  requests: number;
  burn: RegExp;
  keep?: RegExp;
  types: string[];
}

const cpu = 'process_cpu:cpu:nanoseconds:cpu:nanoseconds';
const memory = ['alloc_objects:count', 'alloc_space:bytes', 'inuse_objects:count'].map(
  (type) => `memory:${type}:space:bytes`,
);
const inUse = 'memory:inuse_space:bytes:space:bytes';
/** The programs that do not run on Node. */
export const clients: Client[] = [
  {
    client: 'go',
    requests: 6,
    burn: /^main\.burnCpu$/,
    keep: /^main\.keepMemory$/,
    types: [
      'block:contentions:count:contentions:count',
      'block:delay:nanoseconds:contentions:count',
      'goroutines:goroutine:count:goroutine:count',
      ...memory,
      inUse,
      'mutex:contentions:count:contentions:count',
      'mutex:delay:nanoseconds:contentions:count',
      cpu,
      'process_cpu:samples:count:cpu:nanoseconds',
    ],
  },
  {
    client: 'python',
    requests: 2,
    burn: /^burn_cpu$/,
    keep: /^keep_memory$/,
    types: [...memory, inUse, cpu],
  },
  { client: 'rust', requests: 2, burn: /burn_cpu/, types: [cpu] },
  { client: 'collector', requests: 1, burn: /^burnCpu$/, types: [cpu] },
];

/**
 * Asserts that a program's profiles are there: types, labels and where its time and memory went.
 * `keepShareMin` is the least part of its memory that must be held where it is kept.
 */
export async function assertFound(
  { client, types, burn, keep }: Client,
  url: string,
  times: Range,
  headers: Headers,
  keepShareMin = 0.15,
): Promise<void> {
  const service = `busy.${client}`;
  expect(await typesOf(url, times, headers, service)).toEqual(types);
  const share = (name: RegExp, query: string) => shareOf(name, url, query, times, headers);
  const selector = `{service_name="${service}",region="north"}`;
  expect(await share(burn, cpu + selector)).toBeGreaterThan(0.8);
  const labelled = `${cpu}{service_name="${service}",endpoint="/checkout"}`;
  expect(await share(burn, labelled)).toBeGreaterThan(0.9);
  if (keep === undefined) return;
  expect(await share(keep, inUse + selector)).toBeGreaterThan(keepShareMin);
}
