// `shipper.json`: which local blocks are known to be in the bucket. Owns its format, version 1:
// { "version": 1, "uploaded": [ULID…] }. Only a cache: the bucket is the truth, so a file that
// cannot be used is an empty one, and losing it costs one HEAD a block.
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
  uploaded: v.array(v.pipe(v.string(), v.check(isUlid, 'not a ulid'))),
});

/** The blocks recorded; none, with a warning, when the file is there but cannot be used. */
export async function readShipperFile(tenant: Bucket, log: Logger): Promise<Set<string>> {
  try {
    return new Set(parseShipperFile(await tenant.get(shipperFileName)));
  } catch (error) {
    if (!isFailure(error)) throw error;
    if (error.kind !== 'missing') {
      log.warn('the list of shipped blocks is made anew', { error: error.message });
    }
    return new Set();
  }
}

/** Replaces the file atomically. */
export async function writeShipperFile(tenant: Bucket, uploaded: readonly string[]): Promise<void> {
  const json = { version: shipperFileVersion, uploaded };
  const bytes = new TextEncoder().encode(`${JSON.stringify(json, undefined, 2)}\n`);
  await tenant.put(shipperFileName, bytes);
}

/** The ULIDs in the file. Throws `corrupt` for another version and for what is not such a file. */
export function parseShipperFile(bytes: Uint8Array): string[] {
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
  if (result.success) return result.output.uploaded;
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
