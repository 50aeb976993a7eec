// The labels of a profile's record and, ahead of them, how it was taken when that is not the plain
// way: three numbers and names. Owns the bytes, which `FORMAT.md` draws; a record that has a
// treatment says so by its version.
import type { Label } from '../model/labels.ts';
import type { Treatment } from '../model/treatment.ts';
import {
  decodeLabels,
  encodeLabels,
  formatVersion,
  type RecordHead,
  treatedVersion,
} from './record.ts';
import type { ProfileRecord } from './wal.ts';

const fixedBytes = 16;
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** What a record has in place of labels, and the version that says what that is. */
export function encodeTreatedLabels({ labels, treatment }: ProfileRecord): {
  labels: Uint8Array;
  version: number;
} {
  const plain = encodeLabels(labels);
  if (treatment === undefined) return { labels: plain, version: formatVersion };
  const names = treatment.foldedLabels.map((name) => encoder.encode(name));
  const namesBytes = names.reduce((sum, name) => sum + 4 + name.length, 0);
  const bytes = new Uint8Array(fixedBytes + namesBytes + plain.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, treatment.stackDepthMax, true);
  view.setUint32(4, treatment.symbolBytesMax, true);
  view.setUint32(8, treatment.labelGroupsMax, true);
  view.setUint32(12, namesBytes, true);
  let at = fixedBytes;
  for (const name of names) {
    view.setUint32(at, name.length, true);
    bytes.set(name, at + 4);
    at += 4 + name.length;
  }
  bytes.set(plain, at);
  return { labels: bytes, version: treatedVersion };
}

/** Reads them back from a head whose checksum was right. */
export function decodeTreatedLabels({ labels: bytes, version }: RecordHead): {
  labels: Label[];
  treatment?: Treatment;
} {
  if (version !== treatedVersion) return { labels: decodeLabels(bytes) };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const namesEnd = fixedBytes + view.getUint32(12, true);
  const foldedLabels: string[] = [];
  for (let at = fixedBytes; at < namesEnd; ) {
    const end = at + 4 + view.getUint32(at, true);
    foldedLabels.push(decoder.decode(bytes.subarray(at + 4, end)));
    at = end;
  }
  return {
    labels: decodeLabels(bytes.subarray(namesEnd)),
    treatment: {
      stackDepthMax: view.getUint32(0, true),
      symbolBytesMax: view.getUint32(4, true),
      labelGroupsMax: view.getUint32(8, true),
      foldedLabels,
    },
  };
}
