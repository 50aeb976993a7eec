// Names in UTF-8, back to back, as strings. Owns decoding many at once: a call for each short name
// costs more than all of its bytes.

// A name may begin with U+FEFF, which is no byte order mark here.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Name i is bytes `offsets[i] … offsets[i+1]-1`. What is not UTF-8 becomes U+FFFD. */
export function readNames(offsets: Uint32Array, bytes: Uint8Array<ArrayBuffer>): string[] {
  const names: string[] = [];
  const whole = decoder.decode(bytes);
  // As many characters as bytes: each byte is one, so offsets mean the same in both.
  const isPlain = whole.length === bytes.length;
  for (let i = 0; i + 1 < offsets.length; i++) {
    const [from = 0, to = 0] = [offsets[i], offsets[i + 1]];
    names.push(isPlain ? whole.slice(from, to) : decoder.decode(bytes.subarray(from, to)));
  }
  return names;
}
