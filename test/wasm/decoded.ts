// A decoded pprof as the plain models take it, from either decoder.
import type { decodeWire } from '../support/wire-pprof.ts';

export type Integer = number | bigint;
/** What both decoders give: the shape of `decodeWire`, its integers as numbers or bigints. */
export type Decoded = Loosened<ReturnType<typeof decodeWire>>;
type Loosened<T> = T extends bigint
  ? Integer
  : T extends object
    ? { [K in keyof T]: Loosened<T[K]> }
    : T;
