// Pieces of a large body become one, beside other requests: a quarter of a gigabyte is copied in
// hundreds of milliseconds, most of which the system takes to find the memory.

/** The pieces one after the other; one piece is not copied. `byteLength` is that of all. */
export async function joinInTurns(
  pieces: readonly Uint8Array<ArrayBuffer>[],
  byteLength: number,
  giveWay: () => Promise<void>,
): Promise<Uint8Array<ArrayBuffer>> {
  const [first] = pieces;
  if (first !== undefined && pieces.length === 1) return first;
  const whole = new Uint8Array(byteLength);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.byteLength;
    await giveWay();
  }
  return whole;
}
