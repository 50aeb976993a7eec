// What a profile without types of its own measures: told by the last part of the application's name
// (`shop.cpu`), as Pyroscope's first clients did. Owns that table, and how counts of samples become
// times.
import type { PprofHead } from './pprof-writer.ts';

export interface ProfileKind {
  /** The label `__name__`. */
  name: string;
  type: string;
  unit: string;
}

const nsPerSecond = 1_000_000_000;

const cpu: ProfileKind = { name: 'process_cpu', type: 'samples', unit: 'count' };
const wall: ProfileKind = { name: 'wall', type: 'samples', unit: 'count' };
const memoryBytes: ProfileKind = { name: 'memory', type: 'samples', unit: 'bytes' };
const blockCount: ProfileKind = { name: 'block', type: 'contentions', unit: 'count' };
const blockTime: ProfileKind = { name: 'block', type: 'delay', unit: 'nanoseconds' };

function memory(type: string, unit: string): ProfileKind {
  return { name: 'memory', type, unit };
}

const kinds: Readonly<Record<string, ProfileKind>> = {
  cpu,
  itimer: cpu,
  wall,
  seconds: wall,
  milliseconds: wall,
  microseconds: wall,
  nanoseconds: wall,
  bytes: memoryBytes,
  inuse_objects: memory('inuse_objects', 'count'),
  alloc_objects: memory('alloc_objects', 'count'),
  inuse_space: memory('inuse_space', 'bytes'),
  alloc_space: memory('alloc_space', 'bytes'),
  alloc_in_new_tlab_objects: memory('alloc_in_new_tlab_objects', 'count'),
  alloc_in_new_tlab_bytes: memory('alloc_in_new_tlab_bytes', 'bytes'),
  alloc_outside_tlab_objects: memory('alloc_outside_tlab_objects', 'count'),
  alloc_outside_tlab_bytes: memory('alloc_outside_tlab_bytes', 'bytes'),
  live: memory('live', 'count'),
  goroutines: { name: 'goroutine', type: 'goroutines', unit: 'count' },
  mutex_count: { name: 'mutex', type: 'contentions', unit: 'count' },
  mutex_duration: { name: 'mutex', type: 'delay', unit: 'nanoseconds' },
  block_count: blockCount,
  lock_count: blockCount,
  block_duration: blockTime,
  lock_duration: blockTime,
  exceptions: { name: 'exceptions', type: 'samples', unit: 'count' },
};

/** The suffixes there are, for messages. */
export const kindNames: readonly string[] = Object.keys(kinds);

/**
 * The application's name without its suffix, and the suffix after the last dot with what it means:
 * without a dot there is none, and an unknown one has no kind.
 */
export function splitKind(app: string): {
  service: string;
  suffix: string | undefined;
  kind: ProfileKind | undefined;
} {
  const dot = app.lastIndexOf('.');
  if (dot === -1) return { service: app, suffix: undefined, kind: cpu };
  const suffix = app.slice(dot + 1);
  const kind = Object.hasOwn(kinds, suffix) ? kinds[suffix] : undefined;
  return { service: app.slice(0, dot), suffix, kind };
}

/** True for kinds whose values are counts of samples at a rate. */
export function isSampled({ name }: ProfileKind): boolean {
  return name === cpu.name || name === wall.name;
}

/** The kind of what is measured in nanoseconds or bytes, when nothing else tells. */
export function kindOfUnit(unit: 'nanoseconds' | 'bytes'): ProfileKind {
  return unit === 'bytes' ? memoryBytes : wall;
}

/** Nanoseconds between two samples, at least 1; `sampleRate` is a whole number over 0. */
export function periodNs(sampleRate: number): bigint {
  return BigInt(Math.max(1, Math.floor(nsPerSecond / sampleRate)));
}

/**
 * Types and period of a profile of a kind. With a period, sampled kinds are times; without one
 * (0n), and for the other kinds, values are what the kind says.
 */
export function kindHead(kind: ProfileKind, period: bigint): PprofHead {
  if (!isSampled(kind) || period === 0n) return { sampleTypes: [kind] };
  const type = kind.name === cpu.name ? 'cpu' : 'wall';
  return {
    sampleTypes: [{ type, unit: 'nanoseconds' }],
    periodType: { type: 'cpu', unit: 'nanoseconds' },
    period,
  };
}
