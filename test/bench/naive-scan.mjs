// The floor under any pprof scanner: a loop that reads all bytes as varints, one byte at a time.
// Owns its source, in AssemblyScript as the kernel is, and how it is compiled: as the kernel is.
import asc from 'assemblyscript/asc';

const source = `
export function scan(at: usize, bytes: usize): u64 {
  const end = at + bytes;
  let sum: u64 = 0;
  while (at < end) {
    let value: u64 = 0;
    let shift: u64 = 0;
    let byte: u64 = 0;
    do {
      byte = load<u8>(at++);
      value |= (byte & 127) << shift;
      shift += 7;
    } while (byte > 127 && at < end);
    sum += value;
  }
  return sum;
}
`;

/** Bytes of a module with one function, `scan(at, bytes)`, and one page of memory that grows. */
export async function compileNaiveScan() {
  const options = {
    optimizeLevel: 3,
    noAssert: true,
    runtime: 'stub',
    uncheckedBehavior: 'always',
  };
  const { error, stderr, binary } = await asc.compileString(source, options);
  if (error) throw new Error(`${error.message}: ${stderr.toString()}`);
  return binary;
}
