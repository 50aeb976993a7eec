// Where a Worker's blocks go: R2 by its binding, or a bucket that speaks S3, by settings.
import type { Bucket } from '../bucket/bucket.ts';
import { parseBucketUrl } from '../bucket/bucket-url.ts';
import { prefixed } from '../bucket/prefixed.ts';
import { type R2Binding, R2Bucket } from '../bucket/r2.ts';
import { S3Bucket } from '../bucket/s3.ts';
import { Failure } from '../errors.ts';

/** What of a Worker's bindings and variables tells of its bucket. */
export interface BucketEnv {
  /** May be missing when blocks go elsewhere. */
  BUCKET?: R2Binding;
  [variable: string]: unknown;
}

/** `url` is the setting `bucket`; undefined: R2. Throws `invalid`. */
export function workerBucket(env: BucketEnv, url: string | undefined): Bucket {
  if (url === undefined) {
    if (env.BUCKET === undefined) throw new Failure('invalid', 'there is no R2 binding BUCKET');
    return new R2Bucket(env.BUCKET, 'BUCKET');
  }
  const location = parseBucketUrl(url);
  if (location.kind !== 's3') {
    throw new Failure('invalid', 'setting bucket must be s3://…: there is no disk on Workers');
  }
  const { prefix, ...options } = location;
  const region = options.region ?? textOf(env, 'AWS_REGION');
  if (region === undefined && options.endpoint === undefined) {
    throw new Failure('invalid', 'setting bucket has neither region nor endpoint');
  }
  const bucket = new S3Bucket({ ...options, region, credentials: credentialsOf(env) });
  return prefix === '' ? bucket : prefixed(bucket, prefix);
}

/** Secrets of the Worker: the SDK finds none by itself where there is no environment. */
function credentialsOf(env: BucketEnv) {
  const accessKeyId = textOf(env, 'AWS_ACCESS_KEY_ID');
  const secretAccessKey = textOf(env, 'AWS_SECRET_ACCESS_KEY');
  const sessionToken = textOf(env, 'AWS_SESSION_TOKEN');
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    const names = 'AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY';
    throw new Failure('invalid', `setting bucket needs the secrets ${names}`);
  }
  return { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
}

function textOf(env: BucketEnv, name: string): string | undefined {
  const value = env[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}
