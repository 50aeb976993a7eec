// The border: numbers in, numbers out. A negative answer is a status of status.ts, unless ABI.md
// says that the call answers an address or a count of its own. Views of the memory are void after
// any call that may grow it.

// ---- a head's life
export { start, stats, details } from './head';
export { memoryTop } from './allocator';
export { mustSeal } from './table';
export { markPointer, mark, rollback, digest } from './rollback';
export { columnAt } from './store';

// ---- scan and append
export { inputReserve, inputPointer, inputLength } from './input';
export { ignoredReserve } from './labels';
export { scan, factsPointer, trimScratch } from './scan';
export { planReserve } from './plan';
export { append } from './profiles';

// ---- content key
export { hash128At, hashBuffer, hashBufferRelease } from './xxh3';

// ---- seal
export { sealBegin, sealFill, sealRelease, sealResult, sealStep } from './seal';

// ---- for the query module on the same memory
export { giveBlock as release, takeBlock as allocate } from './allocator';
export { COLUMNS as columns } from './store';
export { KEYS as keys } from './hash';
export { stringAddress, stringLength } from './seal-slots';
