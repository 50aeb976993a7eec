// What must hold of a store at rest: every acknowledged profile exactly once over blocks and log,
// nothing twice, nothing of one tenant with another, every block whole.
import { tenantBlocksPrefix } from '../../src/block/files.ts';
import type { Bucket } from '../../src/bucket/bucket.ts';
import type { Wal } from '../../src/wal/wal.ts';
import type { BlockReader, StoredBlock } from './simulation-blocks.ts';
import { type Ledger, tenants } from './simulation-ledger.ts';

export interface AuditParts {
  ledger: Ledger;
  reader: BlockReader;
  /** Without faults and waits. */
  local: Bucket;
  remote: Bucket | undefined;
  wal: Wal;
}

export interface AuditResult {
  problems: string[];
  /** Pods of all profiles there are, by tenant: what label calls must show. */
  pods: Map<string, Set<string>>;
  /** Records of the log that are in no block. */
  loggedCount: number;
  /** Local blocks that the bucket lacks, as `tenant/ulid`. */
  unshipped: string[];
}

/** Looks at everything there is. The process must be at rest. */
export async function audit(parts: AuditParts): Promise<AuditResult> {
  const { ledger, reader, wal } = parts;
  const problems: string[] = [];
  const local = await reader.read(parts.local, (tenant) => `tenants/${tenant}/local/`, tenants);
  const remote =
    parts.remote === undefined
      ? new Map<string, StoredBlock>()
      : await reader.read(parts.remote, tenantBlocksPrefix, tenants);
  const flushedUpTo = new Map<string, number>();
  for (const { tenant, meta } of local.values()) {
    if (meta.log.id !== wal.id) problems.push(`block ${meta.ulid} is of another log`);
    const before = flushedUpTo.get(tenant) ?? 0;
    flushedUpTo.set(tenant, Math.max(before, meta.log.lastSequence));
  }
  const found = new Map<number, string[]>();
  const pods = new Map<string, Set<string>>(tenants.map((tenant) => [tenant, new Set()]));
  const note = (key: string, tenant: string, place: string) => {
    const profile = ledger.byKey(key);
    if (profile === undefined) return void problems.push(`${place} has an unknown key ${key}`);
    if (profile.tenant !== tenant) problems.push(`${place} has ${profile.id} of ${profile.tenant}`);
    found.set(profile.id, [...(found.get(profile.id) ?? []), place]);
    return profile;
  };
  for (const [name, { tenant, profiles }] of new Map([...local, ...remote])) {
    for (const { key, rows, timeNs } of profiles) {
      const sent = note(key, tenant, name);
      if (sent !== undefined) pods.get(tenant)?.add(sent.pod);
      if (sent === undefined || (sent.rows === rows && sent.timeNs === timeNs)) continue;
      problems.push(`${name} has ${rows} rows of profile ${sent.id}, which has ${sent.rows}`);
    }
  }
  let loggedCount = 0;
  for await (const { tenant, sequence, contentKey } of wal.headers()) {
    if (sequence <= (flushedUpTo.get(tenant) ?? 0)) continue;
    loggedCount += 1;
    const sent = note(Buffer.from(contentKey).toString('hex'), tenant, `log record ${sequence}`);
    if (sent !== undefined) pods.get(tenant)?.add(sent.pod);
  }
  for (const { id, isAcknowledged, isExpired } of ledger.profiles) {
    const places = found.get(id) ?? [];
    if (places.length > 1) problems.push(`profile ${id} is stored twice: ${places.join(', ')}`);
    const isRequired = isAcknowledged && !isExpired;
    if (places.length === 0 && isRequired) problems.push(`acked profile ${id} is lost`);
  }
  const unshipped = [...local.keys()].filter((name) => !remote.has(name));
  return { problems, pods, loggedCount, unshipped };
}
