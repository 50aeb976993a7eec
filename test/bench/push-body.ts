// A push that is another profile every time without being compressed every time: a gzip stream
// whose last, stored block holds the profile's time. Owns the byte surgery; the reader sees
// ordinary gzip in one member. https://www.rfc-editor.org/rfc/rfc1952
import { constants, deflateRawSync } from 'node:zlib';
import { Writer } from '../fixtures/protobuf.ts';

export interface PushBody {
  /** The same buffer after every `stamp`. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Gives the profile another time, in nanoseconds since the epoch, between 2^56 and 2^63. */
  stamp(timeNs: bigint): void;
}

const gzipHeader = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255);
/** Tag of field 9, varint, and nine bytes of it. */
const timeFieldBytes = 10;
const timeTag = (9 << 3) | 0;
/** Final block, stored; its length and that length inverted, little-endian. */
const storedHeader = Uint8Array.of(1, timeFieldBytes, 0, ~timeFieldBytes & 255, 255);
const trailerBytes = 8;

/** The profile as gzip, alone in the body. */
export function profileBody(plain: Uint8Array): PushBody {
  // A flush ends the compressed part on a byte boundary and leaves the stream open.
  const packed = deflateRawSync(plain, { level: 6, finishFlush: constants.Z_FULL_FLUSH });
  const timeAt = gzipHeader.length + packed.length + storedHeader.length;
  const bytes = new Uint8Array(timeAt + timeFieldBytes + trailerBytes);
  bytes.set(gzipHeader);
  bytes.set(packed, gzipHeader.length);
  bytes.set(storedHeader, gzipHeader.length + packed.length);
  return stamped(bytes, timeAt, plain);
}

/** A PushRequest with the labels and that profile. */
export function requestBody(plain: Uint8Array, labels: Readonly<Record<string, string>>): PushBody {
  const { bytes: profile } = profileBody(plain);
  const series = new Writer();
  for (const [name, value] of Object.entries(labels)) {
    series.message(1, new Writer().string(1, name).string(2, value));
  }
  // The sample comes last, so that the profile ends the body.
  series.message(2, new Writer().bytes(1, profile));
  const bytes = new Writer().message(1, series).finish();
  return stamped(bytes, bytes.length - trailerBytes - timeFieldBytes, plain);
}

function stamped(bytes: Uint8Array<ArrayBuffer>, timeAt: number, plain: Uint8Array): PushBody {
  const view = new DataView(bytes.buffer);
  const field = bytes.subarray(timeAt, timeAt + timeFieldBytes);
  const crcOfProfile = crc32(0, plain);
  const stamp = (timeNs: bigint) => {
    field.set(new Writer().element(timeTag >> 3, timeNs).finish());
    view.setUint32(timeAt + timeFieldBytes, crc32(crcOfProfile, field), true);
    view.setUint32(timeAt + timeFieldBytes + 4, plain.length + timeFieldBytes, true);
  };
  stamp(2n ** 60n);
  return { bytes, stamp };
}

const crcTable = Uint32Array.from({ length: 256 }, (_, index) => {
  let crc = index;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** CRC-32 of what `before` is the checksum of, followed by `bytes`. Node 20 has none of its own. */
function crc32(before: number, bytes: Uint8Array): number {
  let crc = ~before;
  for (const byte of bytes) crc = (crcTable[(crc ^ byte) & 255] ?? 0) ^ (crc >>> 8);
  return ~crc >>> 0;
}
