// Starts and stops the S3 server of the tests, and tells it which requests to spoil.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface S3Fault {
  method: 'GET' | 'PUT' | 'POST' | 'HEAD' | 'DELETE';
  /** Part of the URL, percent-decoded; all URLs when left out. */
  includes?: string;
  /** Requests to spoil; 1 when left out. */
  count?: number;
  /** An answer; or none; or half of one, and then the connection breaks or stays silent. */
  kind: 'answer' | 'hang' | 'cut' | 'stall';
  status?: number;
  code?: string;
  /** The request is carried out before its answer is spoiled. */
  isLate?: boolean;
}

export interface S3Server {
  /** `http://127.0.0.1:port`. */
  endpoint: string;
  spoil(fault: S3Fault): Promise<void>;
  /** From now on every GET is answered so much later. */
  delayGets(ms: number): Promise<void>;
  /** Keys of the multipart uploads that are neither completed nor aborted. */
  unfinishedUploads(): Promise<string[]>;
  close(): Promise<void>;
}

/** Any will do: the server does not check signatures. */
export const s3Credentials = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' };

/** Starts a server that has `buckets`, on a free port of 127.0.0.1. */
export async function startS3Server(...buckets: string[]): Promise<S3Server> {
  const script = fileURLToPath(new URL('./s3-server.cjs', import.meta.url));
  // Always Node: the server is a fixture, not the thing under test.
  const child = spawn('node', [script, ...buckets], { stdio: ['pipe', 'pipe', 'inherit'] });
  const port = await portOf(child);
  const endpoint = `http://127.0.0.1:${port}`;
  return {
    endpoint,
    spoil: async (fault) => {
      await fetch(`${endpoint}/-/fault`, { method: 'POST', body: JSON.stringify(fault) });
    },
    delayGets: async (getMs) => {
      await fetch(`${endpoint}/-/delay`, { method: 'POST', body: JSON.stringify({ getMs }) });
    },
    unfinishedUploads: async () => (await fetch(`${endpoint}/-/uploads`)).json(),
    close: async () => {
      const gone = once(child, 'exit');
      child.kill();
      await gone;
    },
  };
}

async function portOf(child: ChildProcess): Promise<number> {
  if (child.stdout === null) throw new Error('the s3 server has no output');
  for await (const line of createInterface({ input: child.stdout })) {
    return (JSON.parse(line) as { port: number }).port;
  }
  throw new Error('the s3 server ended before it was up');
}
