// A block's symbols as the kernel loads them, kept in the cache: made once for all queries of a
// process, once with names alone and once with all that pprof shows, where that is asked for.
import { type PackedSymbols, packSymbols } from '../kernel/symbols.ts';
import { arraysIn, freeBytes } from '../lib/free-bytes.ts';
import type { QueryMeter } from '../model/source.ts';
import type { Loan } from './block-cache.ts';
import type { BlockReader } from './block-reader.ts';
import { readSymbols, type SymbolDetail } from './symbols.ts';

/** The packed symbols, which nobody changes; give the loan back when they have been copied. */
export function packedSymbols(
  reader: BlockReader,
  detail: SymbolDetail,
  meter: QueryMeter,
): Promise<Loan<PackedSymbols>> {
  const key = reader.cacheKey(`symbols ${detail}`);
  return reader.cache.borrow('symbols', key, meter.signal, async () => {
    const tables = await readSymbols(reader, detail, meter);
    await meter.pause();
    const value = packSymbols(tables);
    freeBytes(arraysIn(tables));
    await meter.pause();
    return { value, bytes: value.bytes, free: () => freeBytes(arraysIn(value)) };
  });
}
