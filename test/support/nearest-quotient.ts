// Exact division for models: the nearest double, found by trying out the neighbours of a guess.

/** `sum / count` as the nearest double, the even one of two: tried out among the neighbours. */
export function nearestQuotient(sum: bigint, count: bigint): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, Number(sum) / Number(count));
  const guess = view.getBigInt64(0);
  const distance = (bits: bigint) => {
    const difference = scaledDouble(bits) * count - (sum << 1074n);
    return difference < 0n ? -difference : difference;
  };
  const near = [-2n, -1n, 0n, 1n, 2n].map((step) => guess + step).filter((bits) => bits >= 0n);
  const [best] = near.sort((a, b) => {
    const [x, y] = [distance(a), distance(b)];
    return x === y ? Number((a & 1n) - (b & 1n)) : x < y ? -1 : 1;
  });
  view.setBigInt64(0, best as bigint);
  return view.getFloat64(0);
}

/** A double that is not negative, by its bits, times 2^1074: a whole number. */
function scaledDouble(bits: bigint): bigint {
  const exponent = bits >> 52n;
  const fraction = bits & ((1n << 52n) - 1n);
  return exponent === 0n ? fraction : ((1n << 52n) | fraction) << (exponent - 1n);
}
