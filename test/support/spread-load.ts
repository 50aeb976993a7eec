// Tenants of a load test on workerd that are spread over several objects: deployments that differ
// in the number, objects that are ended, and a query that tells how many profiles there are.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseBlockMeta } from '../../src/block/meta.ts';
import { blockNames } from './stored-profiles.ts';
import { limitedBy, startWorker, type Worker } from './workerd.ts';

/** Of the fixture that is pushed: what its samples add up to. */
const samplesOfOne = 994n;
const type = 'cpu:samples:count:cpu:nanoseconds';
const startMs = Date.UTC(2026, 0, 1);

/** A deployment under which every tenant has so many objects, by series. */
export function startSpread(bundle: string, folder: string, shards: number): Promise<Worker> {
  const limits = {
    ingestBytesPerSecond: 0,
    rejectOlderThanMs: 0,
    rejectNewerThanMs: 0,
    queryLookbackMs: 0,
    shards,
    shardBy: 'series',
  };
  const variables = limitedBy({ defaults: limits });
  return startWorker({ bundle, folder, isMortal: true, variables });
}

/**
 * How many profiles a query finds; undefined when it is to be made again. A part of one is an
 * error.
 */
export async function profilesFound({ url }: Worker, tenant: string): Promise<number | undefined> {
  const response = await fetch(`${url}/querier.v1.QuerierService/SelectMergeStacktraces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-scope-orgid': tenant },
    body: JSON.stringify({
      profileTypeID: type,
      labelSelector: '{}',
      start: startMs - 1_000,
      end: startMs + 60_000,
    }),
  });
  // An object that ends while it answers breaks its answer off before its declared length.
  const text = await response.text().catch(() => undefined);
  if (response.status === 503 || text === undefined) return undefined;
  if (response.status !== 200) throw new Error(`query answered ${response.status}: ${text}`);
  const { flamegraph } = JSON.parse(text) as { flamegraph?: { total?: string } };
  const total = BigInt(flamegraph?.total ?? 0);
  if (total % samplesOfOne !== 0n) throw new Error(`query found a part of a profile: ${total}`);
  return Number(total / samplesOfOne);
}

/** Logs whose records the blocks of a folder were made of: one for each object that wrote any. */
export async function writersOf(folder: string): Promise<Set<string>> {
  const metas = (await blockNames(folder)).map(async (name) =>
    parseBlockMeta(await readFile(join(folder, name, 'meta.json'))),
  );
  return new Set((await Promise.all(metas)).map(({ log }) => log.id));
}
