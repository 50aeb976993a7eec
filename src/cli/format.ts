// Numbers as people read them in a narrow column. Rounded: programs read `--json`.

const byteUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
const countUnits = ['', 'k', 'M', 'G', 'T'];

/** `2543B`, `99.9MiB`, `1023MiB`: at most 7 characters. */
export function formatBytes(bytes: number): string {
  return scaled(bytes, 1024, 9_999, byteUnits);
}

/** `99999`, `1234k`, `12.3M`: at most 6 characters. */
export function formatCount(count: number): string {
  return scaled(count, 1000, 99_999, countUnits);
}

function scaled(value: number, base: number, plainMax: number, units: readonly string[]): string {
  let unit = 0;
  let rest = value;
  const max = value <= plainMax ? plainMax : base - 1;
  for (; rest > max && unit < units.length - 1; unit++) rest /= base;
  const digits = unit > 0 && rest < 99.95 ? rest.toFixed(1) : rest.toFixed(0);
  return `${digits}${units[unit]}`;
}

/** `2026-01-02 03:04` in UTC; years past 9999 are no time of a profile. */
export function formatMinute(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? '?' : date.toISOString().slice(0, 16).replace('T', ' ');
}

const spans: readonly [ms: number, unit: string][] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'm'],
  [1_000, 's'],
];

/** In the largest unit of which there are at least two, rounded: `90s`, `60m`, `36h`, `2d`. */
export function formatSpan(ms: number): string {
  for (const [unitMs, unit] of spans) {
    if (ms >= 2 * unitMs) return `${Math.round(ms / unitMs)}${unit}`;
  }
  return `${(ms / 1_000).toFixed(1)}s`;
}

/** `1 block`, `2 blocks`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
