// Points in time as profiling clients write them in a query string: dates, numbers since the epoch
// in four units told apart by their length, and `now` with offsets. Owns the formats, which are
// Pyroscope's; what is no time is undefined, for the caller to refuse or to read as now.

const nsPerMs = 1_000_000n;
const nsPerSecond = 1_000_000_000n;
const secondsPerDay = 86_400n;

const unitSeconds: Readonly<Record<string, bigint>> = {
  s: 1n,
  sec: 1n,
  secs: 1n,
  second: 1n,
  seconds: 1n,
  m: 60n,
  min: 60n,
  mins: 60n,
  minute: 60n,
  minutes: 60n,
  h: 3_600n,
  d: secondsPerDay,
  w: 7n * secondsPerDay,
  M: 30n * secondsPerDay,
  mon: 30n * secondsPerDay,
  y: 365n * secondsPerDay,
};

/** How many nanoseconds one has, by the number of its digits; all others are seconds. */
const unitByDigits: Readonly<Record<number, bigint>> = { 13: nsPerMs, 16: 1_000n, 19: 1n };
// More digits than any of the units has at the end of 64 bits.
const digitsMax = 19;
const offsetsMax = 16;

/**
 * Nanoseconds since the epoch: `20260102` (UTC), `1767312000` and in ms, µs or ns, `now`,
 * `now-3h30m`. Spaces, `_` and `,` do not count. Undefined for anything else.
 */
export function parseTimeNs(text: string, nowMs: number): bigint | undefined {
  const plain = text.replaceAll(/[\s_,]/g, '');
  if (/^\d+$/.test(plain)) return parseDigits(plain);
  const match = /^now((?:[-+](?:\d+[a-zA-Z]+)+)*)$/.exec(plain);
  if (match === null) return undefined;
  const offsetNs = parseOffsets(match[1] ?? '');
  return offsetNs === undefined ? undefined : BigInt(Math.floor(nowMs)) * nsPerMs + offsetNs;
}

/** `90s`, `3h30m`, in nanoseconds; undefined for anything else. */
export function parseSpanNs(text: string): bigint | undefined {
  return /^(?:\d+[a-zA-Z]+)+$/.test(text) ? parseOffsets(`+${text}`) : undefined;
}

function parseDigits(digits: string): bigint | undefined {
  if (digits.length > digitsMax) return undefined;
  if (digits.length === 8) {
    const day = parseDay(digits);
    if (day !== undefined) return day;
  }
  return BigInt(digits) * (unitByDigits[digits.length] ?? nsPerSecond);
}

/** Undefined when the digits are no day after 1900. */
function parseDay(digits: string): bigint | undefined {
  const year = Number(digits.slice(0, 4));
  const month = Number(digits.slice(4, 6));
  const day = Number(digits.slice(6));
  const ms = Date.UTC(year, month - 1, day);
  const date = new Date(ms);
  const isReal = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  return year > 1900 && isReal ? BigInt(ms) * nsPerMs : undefined;
}

function parseOffsets(text: string): bigint | undefined {
  let sum = 0n;
  let sign = 1n;
  let count = 0;
  for (const [, signText, digits = '', unit = ''] of text.matchAll(/([-+]?)(\d+)([a-zA-Z]+)/g)) {
    if (signText !== '') sign = signText === '-' ? -1n : 1n;
    const seconds = Object.hasOwn(unitSeconds, unit) ? unitSeconds[unit] : undefined;
    count += 1;
    if (seconds === undefined || digits.length > digitsMax || count > offsetsMax) return undefined;
    sum += sign * BigInt(digits) * seconds * nsPerSecond;
  }
  return sum;
}
