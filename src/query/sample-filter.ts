// Selectors of samples as the wire spells them (profile, span and trace ids in text) into what
// sources compare: bytes and 64-bit numbers.
import { Failure } from '../errors.ts';
import type { SampleFilter } from '../model/source.ts';
import type { SampleSelectors } from './contract.ts';

/** Ids of one list; each costs a comparison or a hash per sample. */
const idsMax = 10_000;
/** Names of a call site: no stack is deeper than a few hundred. */
const framesMax = 10_000;

/** Throws `invalid` for ids that are malformed, too many, or of spans and traces at once. */
export function parseSampleSelectors(selectors: SampleSelectors): SampleFilter {
  const { callSite, profileIds, spanIds, traceIds } = selectors;
  if (spanIds !== undefined && traceIds !== undefined) {
    throw new Failure('invalid', 'span ids and trace ids cannot be selected together');
  }
  const filter: SampleFilter = {};
  if (callSite !== undefined) filter.callSite = validateCallSite(callSite);
  if (profileIds !== undefined) {
    filter.profileIds = parseAll('profile id', profileIds, parseProfileId);
  }
  if (spanIds !== undefined) filter.spanIds = parseAll('span id', spanIds, parseSpanId);
  if (traceIds !== undefined) filter.traceIds = parseAll('trace id', traceIds, parseTraceId);
  return filter;
}

/** The names themselves, bounded in number. */
export function validateCallSite(callSite: readonly string[]): readonly string[] {
  if (callSite.length <= framesMax) return callSite;
  const message = `call site has ${callSite.length} frames, limit ${framesMax}`;
  throw new Failure('invalid', message);
}

function parseAll<T>(what: string, texts: readonly string[], parse: (text: string) => T): T[] {
  if (texts.length > idsMax) {
    throw new Failure('invalid', `${texts.length} ${what}s are selected, limit ${idsMax}`);
  }
  return texts.map(parse);
}

function parseSpanId(text: string): bigint {
  // Zero is how samples without a span are stored: it names none.
  if (!/^[0-9a-fA-F]{16}$/.test(text) || /^0+$/.test(text)) {
    throw malformed('span id', text, '16 hexadecimal digits, not all zero');
  }
  return BigInt(`0x${text}`);
}

function parseTraceId(text: string): Uint8Array {
  if (!/^[0-9a-fA-F]{32}$/.test(text) || /^0+$/.test(text)) {
    throw malformed('trace id', text, '32 hexadecimal digits, not all zero');
  }
  return fromHex(text);
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

function parseProfileId(text: string): Uint8Array {
  if (!uuidPattern.test(text) && !/^[0-9a-f]{32}$/i.test(text)) {
    throw malformed('profile id', text, 'a UUID');
  }
  return fromHex(text.replaceAll('-', ''));
}

function malformed(what: string, text: string, wanted: string): Failure {
  const shown = JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
  return new Failure('invalid', `${what} ${shown} is malformed, want ${wanted}`);
}

function fromHex(digits: string): Uint8Array {
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) =>
    Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16),
  );
}
