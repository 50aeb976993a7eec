// The S3 server of suites inside workerd: a process of this machine, which they reach over HTTP.
import type { TestProject } from 'vitest/node';
import { startS3Server } from '../support/s3-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    s3: { endpoint: string; buckets: string[] };
  }
}

/** As many as the contract has cases, and some. */
const bucketCount = 60;

/** Vitest calls it before everything, and what it answers after. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const buckets = Array.from({ length: bucketCount }, (_, at) => `case-${at}`);
  const server = await startS3Server(...buckets);
  project.provide('s3', { endpoint: server.endpoint, buckets });
  return () => server.close();
}
