// Names as file names: safe on every file system, also where `A` and `a` are one file. Owns the
// encoding of one name; how a path is made of names is the caller's.

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Percent-encodes every UTF-8 byte outside `a-z0-9-_.`, and a leading dot, so that no two names
 * differ in case only and none is hidden or special. Expects well-formed text.
 */
export function percentEncode(name: string): string {
  const encoded = name.replaceAll(/[^a-z0-9\-_.]+/g, (run) => {
    let text = '';
    for (const byte of encoder.encode(run)) text += hexOf(byte);
    return text;
  });
  return encoded.startsWith('.') ? `%2E${encoded.slice(1)}` : encoded;
}

/** The name that `percentEncode` gives this text for; undefined when there is none. */
export function percentDecode(text: string): string | undefined {
  const bytes: number[] = [];
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== '%') {
      bytes.push(text.charCodeAt(i) & 0xff);
      continue;
    }
    bytes.push(Number.parseInt(text.slice(i + 1, i + 3), 16) & 0xff);
    i += 2;
  }
  try {
    const name = decoder.decode(Uint8Array.from(bytes));
    // Encoding again rejects everything that is not the one canonical form.
    return percentEncode(name) === text ? name : undefined;
  } catch (error) {
    // Bytes that are not UTF-8 are nobody's name.
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

function hexOf(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}
