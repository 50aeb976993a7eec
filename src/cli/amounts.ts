// Sums of samples as people read them: time, bytes or a count, by the unit of the profile type.
// Rounded; programs read `--format json`.
import { parseProfileType } from '../model/profile-type.ts';
import { formatBytes, formatCount } from './format.ts';

const timeUnits: readonly [unit: string, ns: number][] = [
  ['h', 3_600e9],
  ['m', 60e9],
  ['s', 1e9],
  ['ms', 1e6],
  ['µs', 1e3],
];
const nsOf: Readonly<Record<string, number>> = {
  nanoseconds: 1,
  microseconds: 1e3,
  milliseconds: 1e6,
  seconds: 1e9,
};

/** At most 8 characters, a sign included: `12.50s`, `-3.2MiB`, `1234k`. */
export function formatAmount(value: bigint, profileType: string): string {
  if (value < 0n) return `-${formatAmount(-value, profileType)}`;
  const unit = parseProfileType(profileType)?.sampleUnit ?? '';
  const number = Number(value);
  if (unit === 'bytes') return formatBytes(number);
  const ns = nsOf[unit];
  return ns === undefined ? formatCount(number) : formatTime(number * ns);
}

/** `51.3%`; `-` of nothing. */
export function formatShare(part: bigint, whole: bigint): string {
  return whole === 0n ? '-' : `${((100 * Number(part)) / Number(whole)).toFixed(1)}%`;
}

function formatTime(ns: number): string {
  for (const [unit, size] of timeUnits) {
    // From two hours and two minutes on: 90 s says more than 1.5 m.
    if (ns >= (size > 1e9 ? 2 * size : size)) return `${(ns / size).toFixed(2)}${unit}`;
  }
  return `${ns}ns`;
}
