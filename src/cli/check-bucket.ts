// `phlox check-bucket`: tries all that phlox asks of a bucket and prints what works. Owns the
// table, the time each check may take, the clearing of what was stored, and the exit code.
import { ulid } from 'ulid';
import type { Bucket } from '../bucket/bucket.ts';
import { retrying } from '../bucket/retrying.ts';
import { Failure, messageOf } from '../errors.ts';
import { forEachBounded } from '../lib/bounded.ts';
import { openBucket } from '../runtime/server-platform.ts';
import { requestsAtOnce } from './blocks.ts';
import { type BucketCheck, bucketChecks } from './bucket-checks.ts';
import type { Command } from './command.ts';
import type { Output } from './output.ts';
import { type Column, headLine, lineCharsMax, rowLine, wrap, writeWrapped } from './table.ts';
import { bucketUrl, interruptSignal, retryPolicy } from './target.ts';

const help = `usage: phlox check-bucket [s3://… | file:///…]

Puts, reads, lists and deletes a few small objects and one of 9 MiB under a
random prefix, and prints what this bucket can and cannot do. Without an
argument the bucket of the settings is taken (PHLOX_BUCKET). Credentials come
from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. What it stored is removed.

  --config FILE  settings to take the bucket from

"needed": phlox does not work without; "nice": it does.
exit code: 0 when all that is needed works, otherwise 1
`;

/** 9 MiB at 2 Mbit/s take 38 s; three tries of a server that hangs must not take forever. */
const checkMsMax = 120_000;
/** A bucket that is busy for a moment is a good one; one that is down makes every row wait. */
const attempts = 3;
/** Pages of a thousand: the checks store 12 objects. */
const clearPagesMax = 3;

export const checkBucketCommand: Command = {
  help,
  switches: [],
  valued: ['--config'],
  wordsMax: 1,
  async run({ words, flags }, output) {
    const url = words[0] ?? (await bucketUrl(flags));
    if (url === undefined) {
      throw new Failure('invalid', 'no bucket is named: give its url or set PHLOX_BUCKET');
    }
    const bucket = retrying(openBucket(url), { ...retryPolicy, attempts });
    const isGood = await checkBucket(bucket, output, interruptSignal());
    return isGood ? 0 : 1;
  },
};

const columns: readonly Column[] = [
  { title: 'check', width: 21 },
  { title: '', width: 6 },
  { title: 'ms', width: 6, isRight: true },
  { title: 'result', width: 44 },
];
/** Where the last column begins. */
const resultIndent = lineCharsMax - 44;

/**
 * Runs every check under a random prefix, prints a row for each, and removes what was stored. True
 * when all that is needed works. Once `signal` is aborted nothing more is tried.
 */
export async function checkBucket(
  bucket: Bucket,
  output: Output,
  signal: AbortSignal,
): Promise<boolean> {
  const prefix = `phlox-check-${ulid().toLowerCase()}/`;
  await writeWrapped(output, `${bucket.name}, prefix ${prefix}`);
  await output.line(headLine(columns));
  const failed: BucketCheck[] = [];
  let isGood = true;
  let isWritable = true;
  for (const check of bucketChecks) {
    const isTried = !signal.aborted && (isWritable || check.isReadOnly === true);
    const startMs = performance.now();
    const problem = isTried ? await problemOf(check, { bucket, prefix, signal }) : 'not tried';
    if (problem !== undefined && check.isNeeded) isGood = false;
    if (problem !== undefined && isTried) failed.push(check);
    if (problem !== undefined && check === bucketChecks[0]) isWritable = false;
    const ms = isTried ? `${Math.round(performance.now() - startMs)}` : '';
    await writeRow(output, check, ms, problem ?? 'ok');
  }
  const leftBehind = await clear(bucket, prefix);
  if (leftBehind !== undefined) {
    await writeWrapped(output, `not all is removed under ${prefix}: ${leftBehind}`);
  }
  await writeWrapped(output, verdict(failed, isGood, signal));
  return isGood && leftBehind === undefined;
}

async function problemOf(
  check: BucketCheck,
  context: { bucket: Bucket; prefix: string; signal: AbortSignal },
): Promise<string | undefined> {
  const timeout = AbortSignal.timeout(checkMsMax);
  try {
    await check.run({ ...context, signal: AbortSignal.any([context.signal, timeout]) });
    return undefined;
  } catch (error) {
    return timeout.aborted ? `took over ${checkMsMax} ms` : shortened(error);
  }
}

async function writeRow(
  output: Output,
  { name, isNeeded }: BucketCheck,
  ms: string,
  result: string,
): Promise<void> {
  const [first = '', ...more] = wrap(result, lineCharsMax - resultIndent);
  await output.line(rowLine(columns, [name, isNeeded ? 'needed' : 'nice', ms, first]));
  for (const line of more) await output.line(`${' '.repeat(resultIndent)}${line}`);
}

/** Removes all objects under `prefix`; answers in one line why some are still there. */
async function clear(bucket: Bucket, prefix: string): Promise<string | undefined> {
  const options = { signal: AbortSignal.timeout(checkMsMax) };
  try {
    for (let page = 0; page < clearPagesMax; page++) {
      const { objects } = await bucket.list(prefix, options);
      if (objects.length === 0) return undefined;
      await forEachBounded(objects, requestsAtOnce, ({ key }) => bucket.delete(key, options));
    }
    return 'the listing still shows objects';
  } catch (error) {
    return shortened(error);
  }
}

/** The message without the names of the bucket and the prefix, which the first line tells. */
function shortened(error: unknown): string {
  return messageOf(error)
    .replace(/^(?:s3|file):\/\/\S*: /, '')
    .replaceAll(/\S*phlox-check-[0-9a-z]{26}\//g, '…/');
}

function verdict(failed: readonly BucketCheck[], isGood: boolean, signal: AbortSignal): string {
  if (signal.aborted) return 'interrupted: the bucket is not checked';
  if (isGood) return 'all that phlox needs works';
  const names = failed.filter(({ isNeeded }) => isNeeded).map(({ name }) => name);
  return `phlox does not work with this bucket: it fails at ${names.join(', ')}`;
}
