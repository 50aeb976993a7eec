// Which of its objects a profile of a tenant goes to. Owns their names and the choice, which
// depends on labels as they are stored, so that what is sent again goes the same way; and where
// another routing would have sent a profile. Nothing here knows what an object is.
import type { ShardKey } from '../limits/limits.ts';
import { type Labels, labelNames, labelsKey, labelValue } from '../model/labels.ts';
import { regions } from './regions.ts';

/** What a tenant is spread over: `shards` objects by `key`; by region, one in each. */
export interface Spreading {
  shards: number;
  key: ShardKey;
}

/** A spreading that was in force, or is: its number is higher than that of any before. */
export interface Routing extends Spreading {
  epoch: number;
}

/** No spreading: what every tenant begins with. */
export const wholeTenant: Spreading = { shards: 1, key: 'service' };

/** What limits ask for. By region the number says nothing, and by one shard the key does not. */
export function spreadingOf(limits: { shards: number; shardBy: ShardKey }): Spreading {
  if (limits.shardBy === 'region') return { shards: regions.length + 1, key: 'region' };
  return limits.shards === 1 ? wholeTenant : { shards: limits.shards, key: limits.shardBy };
}

/** The tenant's objects; the first is its home. No tenant has a slash in its name. */
export function shardNames(tenant: string, { shards, key }: Spreading): string[] {
  const others =
    key === 'region' ? regions : Array.from({ length: shards - 1 }, (_, i) => String(i + 1));
  return [tenant, ...others.map((name) => `${tenant}/${name}`)];
}

/** The tenant that an object is of, and what its name adds to it; empty for a home. */
export function splitShardName(name: string): { tenant: string; suffix: string } {
  const [tenant = '', suffix = ''] = name.split('/');
  return { tenant, suffix };
}

/** Where a profile with these final labels goes; `region` is where it came from, if known. */
export function shardOf(
  tenant: string,
  { shards, key }: Spreading,
  labels: Labels,
  region: string | undefined,
): string {
  if (key === 'region') return region === undefined ? tenant : `${tenant}/${region}`;
  if (shards === 1) return tenant;
  const text = key === 'service' ? labelValue(labels, labelNames.serviceName) : labelsKey(labels);
  const index = rendezvous(hashOf(text), shards);
  return index === 0 ? tenant : `${tenant}/${index}`;
}

/**
 * Where another routing may have sent a profile with these labels: by region nobody can tell, and
 * it is any of them.
 */
export function shardsOf(tenant: string, spreading: Spreading, labels: Labels): string[] {
  if (spreading.key === 'region') return shardNames(tenant, spreading);
  return [shardOf(tenant, spreading, labels, undefined)];
}

/** The shard with the highest score: from N to N + 1 only what goes to the new one moves. */
function rendezvous(hash: number, shards: number): number {
  let best = 0;
  let bestScore = -1;
  for (let index = 0; index < shards; index++) {
    const score = mixed(hash ^ Math.imul(index + 1, 0x9e3779b1));
    if (score <= bestScore) continue;
    bestScore = score;
    best = index;
  }
  return best;
}

/** FNV-1a of the UTF-16 units: a routing must not change with the runtime. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}

/** MurmurHash3's finalizer: every bit decides about every other. */
function mixed(value: number): number {
  let x = value ^ (value >>> 16);
  x = Math.imul(x, 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}
