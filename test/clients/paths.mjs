// Fails when a capture names a home or temporary folder: looks into every gzip stream that begins
// anywhere in it, and into what these hold.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { constants, gunzipSync } from 'node:zlib';

const folder = process.argv[2];
const finishFlush = constants.Z_SYNC_FLUSH;

function texts(bytes) {
  const all = [bytes.toString('latin1')];
  for (let at = bytes.indexOf('\x1f\x8b\x08', 'latin1'); at >= 0; ) {
    try {
      all.push(...texts(gunzipSync(bytes.subarray(at), { finishFlush })));
    } catch {
      // The three bytes begin a stream by chance alone, or another part follows it.
    }
    at = bytes.indexOf('\x1f\x8b\x08', at + 1, 'latin1');
  }
  return all;
}

for (const file of readdirSync(folder)) {
  const found = texts(readFileSync(join(folder, file))).find((text) =>
    /\/(root|home|tmp|Users)\//.test(text),
  );
  if (found !== undefined) throw new Error(`${file} names a folder of this machine`);
}
