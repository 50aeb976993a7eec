// Load over HTTP from a process of its own: keep-alive connections that each send the next push as
// soon as the last was answered. Plain sockets, because a client that costs as much as the server
// would measure itself; always on Bun, whatever serves. Reads jobs as JSON lines on standard
// input, answers each with a line.
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { type PushBody, profileBody, requestBody } from './push-body.ts';

export interface Job {
  port: number;
  /** `push`: a Connect request to phlox; `profile`: the gzip profile alone, to a bare route. */
  kind: 'push' | 'profile';
  fixture: string;
  connections: number;
  durationMs: number;
  /** Ends the job before its time; default: no bound. */
  requestsMax?: number;
  /** Profiles in a push, each of a series of its own; default 1. */
  profiles?: number;
  /** A connection whose push is answered 503 waits this long and goes on; default: it fails. */
  refusedPauseMs?: number;
  /** How long each connection waits after an answer; default 0. */
  pauseMs?: number;
  /** Tenants that the connections push for, in turn; default: none is named. */
  tenants?: number;
  /** Between the times of two profiles, in microseconds; default 1. */
  spacingUs?: number;
}

export interface JobResult {
  /** Those answered 200 or 204. */
  requests: number;
  refused: number;
  durationMs: number;
  p50Ms: number;
  p99Ms: number;
  /** Of each request, ascending. */
  latenciesMs: number[];
}

interface Connection {
  /** One after another the body of a push. */
  parts: PushBody[];
  head: Uint8Array;
  socket: Socket;
}

/** Times only grow and start at now, so that no profile is like another. */
let timeNs = BigInt(Date.now()) * 1_000_000n;

function open(job: Job, plain: Uint8Array, index: number): Connection {
  const partOf = (_: unknown, at: number) => {
    const instance = at === 0 ? `i-${index}` : `i-${index}-${at}`;
    const labels = { __name__: 'process_cpu', service_name: 'bench', instance };
    return job.kind === 'push' ? requestBody(plain, labels) : profileBody(plain);
  };
  // Messages of one type one after another are one message.
  const parts = Array.from({ length: job.profiles ?? 1 }, partOf);
  const byteLength = parts.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const path = job.kind === 'push' ? '/push.v1.PusherService/Push' : '/profile';
  const head = [
    `POST ${path} HTTP/1.1`,
    `host: 127.0.0.1:${job.port}`,
    'content-type: application/proto',
    ...(job.tenants === undefined ? [] : [`x-scope-orgid: tenant-${index % job.tenants}`]),
    `content-length: ${byteLength}`,
    '',
    '',
  ].join('\r\n');
  const socket = connect(job.port, '127.0.0.1');
  socket.setNoDelay(true);
  return { parts, head: new TextEncoder().encode(head), socket };
}

/**
 * Resolves when the answer to one push is complete, to false for a 503; rejects unless it is a 200
 * or a 204 otherwise.
 */
function send({ parts, head, socket }: Connection, spacingUs: number): Promise<boolean> {
  for (const part of parts) {
    timeNs += BigInt(spacingUs) * 1_000n;
    part.stamp(timeNs);
  }
  return new Promise((resolve, reject) => {
    let text = '';
    let isRefused = false;
    const settle = (error?: Error) => {
      socket.off('data', read).off('error', settle).off('close', closed);
      if (error) reject(error);
      else resolve(!isRefused);
    };
    const closed = () => settle(new Error('the server closed the connection'));
    const read = (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (!isComplete(text)) return;
      const isAccepted = /^HTTP\/1\.1 20[04] /.test(text);
      isRefused = text.startsWith('HTTP/1.1 503 ');
      settle(
        isAccepted || isRefused
          ? undefined
          : new Error(`the server answered ${text.slice(0, 500)}`),
      );
    };
    socket.on('data', read).on('error', settle).on('close', closed);
    socket.cork();
    socket.write(head);
    for (const { bytes } of parts) socket.write(bytes);
    socket.uncork();
  });
}

function isComplete(text: string): boolean {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return false;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1];
  if (length !== undefined) return text.length >= end + 4 + Number(length);
  return /^HTTP\/1\.1 204/.test(text) || text.endsWith('\r\n0\r\n\r\n');
}

async function run(job: Job): Promise<JobResult> {
  const packed = readFileSync(new URL(`../fixtures/${job.fixture}.pb.gz`, import.meta.url));
  const plain = new Uint8Array(gunzipSync(packed));
  const connections = Array.from({ length: job.connections }, (_, i) => open(job, plain, i));
  const latencies: number[] = [];
  let refused = 0;
  const startMs = performance.now();
  const endMs = startMs + job.durationMs;
  let left = job.requestsMax ?? Number.POSITIVE_INFINITY;
  await Promise.all(
    connections.map(async (connection) => {
      for (let nowMs = performance.now(); nowMs < endMs && left-- > 0; nowMs = performance.now()) {
        if (await send(connection, job.spacingUs ?? 1)) latencies.push(performance.now() - nowMs);
        else if (job.refusedPauseMs === undefined) throw new Error('the server answered 503');
        else {
          refused++;
          await wait(job.refusedPauseMs);
        }
        if (job.pauseMs !== undefined) await wait(job.pauseMs);
      }
    }),
  );
  const durationMs = performance.now() - startMs;
  for (const { socket } of connections) socket.destroy();
  latencies.sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.floor((latencies.length - 1) * share)] ?? 0;
  const [p50Ms, p99Ms] = [at(0.5), at(0.99)];
  const requests = latencies.length;
  return { requests, refused, durationMs, p50Ms, p99Ms, latenciesMs: latencies };
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await run(JSON.parse(line)))}\n`);
}
