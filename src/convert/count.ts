// Counts as text and as the doubles of JSON. Owns what fits into a value of pprof.

/** The largest value of pprof. */
export const int64Max = 2n ** 63n - 1n;
/** Digits of the largest; more are refused before they are read, which takes quadratic time. */
const digitsMax = 19;

/** Undefined for what is no whole number from 0 to 2^63-1. */
export function parseCount(text: string): bigint | undefined {
  if (!/^\+?\d+$/.test(text)) return undefined;
  const digits = text.replace(/^\+?0*(?=\d)/, '');
  if (digits.length > digitsMax) return undefined;
  const count = BigInt(digits);
  return count <= int64Max ? count : undefined;
}

/** The nearest whole number; undefined for what is none from 0 to 2^63-1. */
export function countOf(value: number): bigint | undefined {
  if (!Number.isFinite(value) || value < 0 || value >= 2 ** 63) return undefined;
  return BigInt(Math.round(value));
}
