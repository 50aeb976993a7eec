// Bounds of the app that are no settings: what follows from Pyroscope's clients, from WebAssembly,
// or from patience.

/** Clients repeat a push for minutes after a time-out. */
export const keyWindowMs = 15 * 60_000;
/** More than this many answers at a time only wait for each other. */
export const inflightRequestsMax = 1_024;
/** Pyroscope's bound on what one push may hold after inflating; bodies are held to it as well. */
export const requestBytesMaxDefault = 256 * 1024 * 1024;
/** A client that sends its body this slowly is taken for gone. */
export const bodyTimeMsMax = 60_000;
/** WebAssembly's own bound. */
export const kernelBytesMax = 2 ** 32;
/**
 * What a head's instance may use beyond the head itself to scan the largest profile allowed. To be
 * sealed, a head of deep stacks without any common part takes up to twice itself besides.
 */
export const scratchBytesMax = 128 * 1024 * 1024;
