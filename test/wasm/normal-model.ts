// The plain model of what a scan mends: strings and stacks that are too long, names of Go's generic
// functions, references that lead nowhere, addresses that say nothing. Shares no code with the
// product.
import { storedName } from '../support/go-names.ts';
import { spellLocation } from '../support/kernel-dump.ts';
import type { Decoded, Integer } from './decoded.ts';

export const stackDepthMax = 1_000;
const stringBytesMax = 65_535;
const unsigned = (value: Integer) => BigInt.asUintN(64, BigInt(value));
const signed = (value: Integer) => BigInt.asIntN(64, BigInt(value));

/** A string as it is stored: its last bytes, beginning with a whole character. */
export function storedText(text: string): string {
  if (text.length * 3 <= stringBytesMax) return text;
  const bytes = new TextEncoder().encode(text);
  let from = Math.max(0, bytes.length - stringBytesMax);
  while (((bytes[from] as number) & 0xc0) === 0x80) from++;
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(from));
}

/** Spells the location with an id; undefined when it is not there, or not to be used. */
export function locationSpeller(profile: Decoded, text: (index: Integer) => string) {
  const isUnnumbered = profile.function.every((one) => Number(one.id) === 0);
  const functions = new Map(
    profile.function.map((one, index) => {
      const names = `${storedName(text(one.name))}|${text(one.systemName)}|${text(one.filename)}`;
      const id = isUnnumbered ? BigInt(index + 1) : unsigned(one.id);
      return [id, `${names}|${signed(one.startLine)}`];
    }),
  );
  const mappings = new Map(
    profile.mapping.map((one) => {
      const range = `${unsigned(one.memoryStart)}-${unsigned(one.memoryLimit)}`;
      const flags =
        (one.hasFunctions ? 1 : 0) |
        (one.hasFilenames ? 2 : 0) |
        (one.hasLineNumbers ? 4 : 0) |
        (one.hasInlineFrames ? 8 : 0);
      const names = `${text(one.filename)}|${text(one.buildId)}`;
      const spelt = `${range}+${unsigned(one.fileOffset)}|${names}|${flags}`;
      return [unsigned(one.id), { spelt, hasFunctions: one.hasFunctions }];
    }),
  );
  mappings.delete(0n);
  const spellOne = (one: Decoded['location'][number]): string | undefined => {
    const mapping = mappings.get(unsigned(one.mappingId));
    const isEmpty = one.line.length === 0 && unsigned(one.address) === 0n;
    const isLost = one.line.some(({ functionId }) => !functions.has(unsigned(functionId)));
    if (isEmpty || isLost || (Number(one.mappingId) !== 0 && mapping === undefined)) {
      return undefined;
    }
    const isNamed = mapping?.hasFunctions && one.line.length > 0;
    return spellLocation({
      address: isNamed ? 0n : unsigned(one.address),
      isFolded: one.isFolded,
      mapping: mapping?.spelt ?? '',
      lines: one.line.map(
        (line) => `${functions.get(unsigned(line.functionId))}:${signed(line.line)}`,
      ),
    });
  };
  const locations = new Map(profile.location.map((one) => [unsigned(one.id), spellOne(one)]));
  return (id: Integer) => locations.get(unsigned(id));
}
