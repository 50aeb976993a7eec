// `shipper.json`: which local blocks are known to be in which bucket. Owns its format, version 1:
// { "version": 1, "bucket": "s3://name/prefix/", "uploaded": [ULID…] }. Only a cache: the bucket is
// the truth, so a file that cannot be used, or is about another bucket, is an empty one, and losing
// it costs one HEAD a block. Files without `bucket` were written before it was recorded.
import * as v from 'valibot';
import { isUlid } from '../block/files.ts';
import type { Bucket } from '../bucket/bucket.ts';
import { Failure, isFailure, messageOf } from '../errors.ts';
import type { Logger } from '../lib/log.ts';

/** Its key in the bucket of a tenant's folder. */
export const shipperFileName = 'shipper.json';

/** The only version there is. */
const shipperFileVersion = 1;

const schema = v.object({
  version: v.literal(shipperFileVersion),
  bucket: v.optional(v.string()),
  uploaded: v.array(v.pipe(v.string(), v.check(isUlid, 'not a ulid'))),
});

export interface ShipperFile {
  /** Where the blocks are, without secrets; undefined in files that do not tell. */
  bucket?: string | undefined;
  uploaded: string[];
}

/**
 * The blocks recorded as being in `bucket`; none when the file cannot be used or is not about that
 * bucket, and it is said which. Undefined when there is no file.
 */
export async function readShipperFile(
  tenant: Bucket,
  bucket: string,
  log: Logger,
): Promise<ShipperFile | undefined> {
  let file: ShipperFile;
  try {
    file = parseShipperFile(await tenant.get(shipperFileName));
  } catch (error) {
    if (!isFailure(error)) throw error;
    if (error.kind !== 'missing') {
      log.warn('the list of shipped blocks is made anew', { error: error.message });
    }
    return undefined;
  }
  if (file.bucket === bucket) return file;
  if (file.bucket === undefined) {
    log.info('the list of shipped blocks names no bucket: each block is looked up once');
  } else {
    const fields = { listed: file.bucket, bucket };
    log.warn('the list of shipped blocks is of another bucket and made anew', fields);
  }
  return { bucket: file.bucket, uploaded: [] };
}

/** Replaces the file atomically. */
export async function writeShipperFile(
  tenant: Bucket,
  { bucket, uploaded }: Required<ShipperFile>,
): Promise<void> {
  const json = { version: shipperFileVersion, bucket, uploaded };
  const bytes = new TextEncoder().encode(`${JSON.stringify(json, undefined, 2)}\n`);
  await tenant.put(shipperFileName, bytes);
}

/** What the file says. Throws `corrupt` for another version and for what is not such a file. */
export function parseShipperFile(bytes: Uint8Array): ShipperFile {
  const json = parseJson(bytes);
  const version = (json as { version?: unknown } | null)?.version;
  if (version !== shipperFileVersion) {
    const found = JSON.stringify(version) ?? 'missing';
    throw new Failure(
      'corrupt',
      `${shipperFileName} has version ${found}, supported ${shipperFileVersion}`,
    );
  }
  const result = v.safeParse(schema, json);
  if (result.success) return { bucket: result.output.bucket, uploaded: result.output.uploaded };
  const [issue] = result.issues;
  const place = v.getDotPath(issue) ?? 'it';
  throw new Failure('corrupt', `${shipperFileName}: ${place}: ${issue.message}`);
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    const message = `${shipperFileName} is not json: ${messageOf(error)}`;
    throw new Failure('corrupt', message, { cause: error });
  }
}
