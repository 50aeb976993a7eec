// The labels of a profile's record and, ahead of them, how it was taken when that is not the plain
// way: three numbers and names. Owns the bytes, which `FORMAT.md` draws; a record that has a
// treatment says so by its version.
import { Failure } from '../errors.ts';
import type { Label } from '../model/labels.ts';
import type { Treatment } from '../model/treatment.ts';
import {
  decodeLabels,
  decodeTexts,
  encodeLabels,
  formatVersion,
  type RecordHead,
  treatedVersion,
} from './record.ts';
import type { ProfileRecord } from './wal.ts';

const fixedBytes = 16;
const encoder = new TextEncoder();

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

/** Reads them back from a head whose checksum was right. Throws `corrupt` for other bytes. */
export function decodeTreatedLabels({ labels: bytes, version }: RecordHead): {
  labels: Label[];
  treatment?: Treatment;
} {
  if (version !== treatedVersion) return { labels: decodeLabels(bytes) };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const namesEnd = bytes.length < fixedBytes ? fixedBytes : fixedBytes + view.getUint32(12, true);
  if (namesEnd > bytes.length) {
    throw new Failure(
      'corrupt',
      `log record tells its treatment up to byte ${namesEnd} of ${bytes.length}`,
    );
  }
  return {
    labels: decodeLabels(bytes.subarray(namesEnd)),
    treatment: {
      stackDepthMax: view.getUint32(0, true),
      symbolBytesMax: view.getUint32(4, true),
      labelGroupsMax: view.getUint32(8, true),
      foldedLabels: decodeTexts(bytes.subarray(fixedBytes, namesEnd)),
    },
  };
}
