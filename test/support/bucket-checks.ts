// What the cases of the bucket contract share: expectations and whole listings.
import { expect } from 'vitest';
import type { Bucket, ListOptions, ListPage } from '../../src/bucket/bucket.ts';
import { Failure } from '../../src/errors.ts';
import { chunked, patterned } from './bytes.ts';

/** Answers an empty bucket. */
export type OpenBucket = () => Promise<Bucket>;

/** What is listed where nothing is. */
export const emptyPage: ListPage = { objects: [], prefixes: [], cursor: undefined };

/** Expects a Failure of this kind; `about` tells which call it was. */
export async function expectKind(
  call: Promise<unknown>,
  kind: string,
  about: unknown,
): Promise<void> {
  const outcome = await call.then(
    (value) => `answered ${String(value)}`,
    (error: unknown) => (error instanceof Failure ? error.kind : error),
  );
  expect([about, outcome]).toEqual([about, kind]);
}

/** Everything that is listed, page after page; each page in order and not over its size. */
export async function pageOf(bucket: Bucket, prefix: string, options: ListOptions = {}) {
  const keys: string[] = [];
  const prefixes: string[] = [];
  let cursor = options.cursor;
  do {
    const page = await bucket.list(prefix, { ...options, ...(cursor && { cursor }) });
    expect(page.objects.length + page.prefixes.length).toBeLessThanOrEqual(
      options.pageSize ?? 1000,
    );
    for (const { key, bytes } of page.objects) {
      keys.push(key);
      expect(bytes).toBeGreaterThanOrEqual(0);
    }
    prefixes.push(...page.prefixes);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return { keys, prefixes };
}

/** All keys that are listed, page after page. */
export async function keysOf(
  bucket: Bucket,
  prefix: string,
  options?: ListOptions,
): Promise<string[]> {
  return (await pageOf(bucket, prefix, options)).keys;
}

/** The order that every listing has. */
export function sortedByBytes(keys: readonly string[]): string[] {
  return [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/** A stream that throws `reason` after some good bytes. */
export async function* breaking(goodBytes: number, reason: Error): AsyncGenerator<Uint8Array> {
  yield* chunked(patterned(goodBytes), 1_000_000);
  throw reason;
}
