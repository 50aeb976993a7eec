// What is hashed before a profile's bytes, so that the content key tells profiles of different
// tenants, series and times apart. A format: the bytes of a key are stored as `profiles.uuid`.
import type { Labels } from '../model/labels.ts';

/**
 * `tenant · label count · (name · value)… · receive time`, every string as u32 little-endian length
 * and UTF-8, the count as u32, the time as u64 milliseconds and only when the profile has none of
 * its own: without it two profiles that carry no time but equal samples would be one.
 */
export function contentKeyPrefix(
  tenant: string,
  labels: Labels,
  receivedMs: number | undefined,
): Uint8Array {
  const encoder = new TextEncoder();
  const texts = [tenant, ...labels.flatMap((label) => [label.name, label.value])];
  const parts = texts.map((text) => encoder.encode(text));
  const textBytes = parts.reduce((sum, part) => sum + 4 + part.length, 0);
  const prefix = new Uint8Array(textBytes + 4 + (receivedMs === undefined ? 0 : 8));
  const view = new DataView(prefix.buffer);
  let at = 0;
  for (const [i, part] of parts.entries()) {
    view.setUint32(at, part.length, true);
    prefix.set(part, at + 4);
    at += 4 + part.length;
    if (i === 0) {
      view.setUint32(at, labels.length, true);
      at += 4;
    }
  }
  if (receivedMs !== undefined) view.setBigUint64(at, BigInt(receivedMs), true);
  return prefix;
}
