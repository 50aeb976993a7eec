// What is done to a watched server (`push-server.ts`) to see how pushes fare beside other work: its
// head is filled, paced clients push, its longest stall is asked for.
import { loadFixture } from '../support/fixtures.ts';
import { createKernel } from './ingest.ts';
import type { Helper } from './processes.ts';
import type { JobResult } from './push-client.ts';

const fixture = 'go-cpu';
/** Paced, so that the server has room for both: a client that never waits would measure itself. */
const paced = { kind: 'push', fixture, connections: 8, pauseMs: 40, spacingUs: 1_000 } as const;
const fillMsMax = 60_000;

/** Pushes as fast as it goes until the head has so many samples. */
export async function fillHead(port: number, client: Helper, samples: number): Promise<void> {
  const requestsMax = Math.ceil(samples / (await storedSamples()));
  await client.ask({ port, ...paced, pauseMs: 0, requestsMax, durationMs: fillMsMax });
}

/** Latencies of eight clients that wait between two pushes, in milliseconds. */
export async function pushPaced(port: number, client: Helper, durationMs: number) {
  const result = (await client.ask({ port, ...paced, durationMs })) as JobResult;
  return result.latenciesMs;
}

/** Rows that one push adds to the head. */
async function storedSamples(): Promise<number> {
  const kernel = await createKernel();
  const { sampleCount, sampleTypes } = kernel.scan(loadFixture(fixture).plain);
  return sampleCount * sampleTypes.length;
}

/** Since it was last asked, in milliseconds. */
export async function stallMs(port: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/bench/stall`);
  return ((await response.json()) as { longestMs: number }).longestMs;
}

export async function post(port: number, path: string): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST' });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`);
}

/** Sorts them. */
export function p99(latencies: number[]): number {
  latencies.sort((a, b) => a - b);
  return latencies[Math.floor((latencies.length - 1) * 0.99)] ?? Number.NaN;
}
