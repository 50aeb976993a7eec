// The input: where the host puts the bytes of a profile. Owns the buffer: room for a prefix
// directly before the bytes (the content key hashes prefix and bytes as one run), the bytes, and
// zero guard bytes behind them.
import { GUARD_BYTES, PREFIX_BYTES_MAX } from './layout';
import { ensure } from './memory';
import { inputBuffer } from './scratch';
import { OUT_OF_MEMORY, fail } from './status';

let length: usize = 0;

/** Room for `bytes` of input; answers OK or OUT_OF_MEMORY. The last scan's input is lost. */
export function inputReserve(bytes: usize): i32 {
  length = 0;
  const need = <u64>PREFIX_BYTES_MAX + bytes + GUARD_BYTES;
  if (!ensure(inputBuffer, need)) return fail(OUT_OF_MEMORY);
  length = bytes;
  memory.fill(inputPointer() + bytes, 0, GUARD_BYTES);
  return 0;
}

/** First byte of the input, behind PREFIX_BYTES_MAX writable bytes; 0 when there is none. */
export function inputPointer(): usize {
  return inputBuffer.pointer ? inputBuffer.pointer + PREFIX_BYTES_MAX : 0;
}

/** Bytes of the input. */
export function inputLength(): usize {
  return length;
}

/** Forgets the input, whose memory is gone. */
export function inputForget(): void {
  length = 0;
}
