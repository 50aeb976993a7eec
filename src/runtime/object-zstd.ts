// Zstandard by fzstd, in JavaScript: zstd-codec does not run on Workers. It knows no checksums.
import { Decompress } from 'fzstd';
import { type FrameStream, type Unzstd, unzstdBy } from './zstd-inflate.ts';

/** Inflates; throws `invalid` for damaged bytes and for more than `bytesMax` bytes of output. */
export const unzstd: Unzstd = unzstdBy((output): FrameStream => {
  // What it hands out may be a view of its window.
  const stream = new Decompress((chunk) => output(chunk.slice()));
  const push = (bytes: Uint8Array, isLast: boolean) => {
    try {
      stream.push(bytes, isLast);
      return true;
    } catch {
      // It throws for damaged data alone, in words that say nothing more.
      return false;
    }
  };
  return {
    write: (bytes) => push(bytes, false),
    end: () => push(new Uint8Array(0), true),
    free: () => undefined,
  };
});
