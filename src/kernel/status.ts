// Statuses of the kernel as Failures. Owns the messages; the codes and what the details hold are
// in `wasm/status.ts`, and a test compares the two.
import { Failure } from '../errors.ts';

/** Code of each refusal, as in `wasm/status.ts`. */
export const statuses = {
  OUT_OF_MEMORY: -1,
  HEAD_FULL: -2,
  TRUNCATED: -3,
  WIRE_TYPE: -4,
  VARINT: -5,
  NO_STRINGS: -6,
  FIRST_STRING: -7,
  STRING_INDEX: -8,
  ID_ZERO: -9,
  ID_TWICE: -10,
  VALUE_COUNT: -11,
  NO_SAMPLE_TYPES: -12,
  SAMPLE_TYPES: -13,
  GROUPS: -14,
  SAMPLE_LABELS: -15,
  VALUE_SUM: -16,
  COMMENTS: -17,
  MISUSE: -18,
  NEGATIVE: -19,
  BAD_BLOCK: -20,
} as const;

type Describe = (first: bigint, second: bigint) => string;

const kinds = ['entry', 'mapping', 'location', 'function'];
const kindOf = (detail: bigint) => kinds[Number(detail)] ?? 'entry';
const counted = (count: bigint, noun: string) => `${count} ${noun}${count === 1n ? '' : 's'}`;

/** What is wrong with a profile, by statuses. */
const descriptions = new Map<number, Describe>([
  [statuses.TRUNCATED, (at) => `a field runs past its message, which ends at byte ${at}`],
  [
    statuses.WIRE_TYPE,
    (tag, at) =>
      tag < 8n || tag > 0xffff_ffffn
        ? `field tag ${tag} before byte ${at} is out of range, must be 8 to 4294967295`
        : `field ${tag >> 3n} before byte ${at} has wire type ${tag & 7n}, must be 0, 1, 2 or 5`,
  ],
  [statuses.VARINT, (at) => `varint at byte ${at} is longer than 10 bytes or 64 bits`],
  [statuses.NO_STRINGS, () => 'string table has 0 entries, must begin with ""'],
  [statuses.FIRST_STRING, (bytes) => `string 0 has ${counted(bytes, 'byte')}, must have 0`],
  [
    statuses.STRING_INDEX,
    (index, count) => `string index ${index} out of range, string table has ${count} entries`,
  ],
  [statuses.ID_ZERO, (kind, entry) => `${kindOf(kind)} ${entry} has id 0, must be 1 or more`],
  [statuses.ID_TWICE, (id, kind) => `${kindOf(kind)} id ${id} is in the profile twice`],
  [
    statuses.VALUE_COUNT,
    (sample, counts) =>
      `sample ${sample} has ${counted(counts >> 32n, 'value')}, ` +
      `profile has ${counted(counts & 0xffff_ffffn, 'sample type')}`,
  ],
  [statuses.NO_SAMPLE_TYPES, () => 'profile has 0 sample types, must have 1 or more'],
  [statuses.SAMPLE_TYPES, (count, max) => `profile has ${count} sample types, limit ${max}`],
  [statuses.GROUPS, (count, max) => `profile has ${count} or more label sets, limit ${max}`],
  [
    statuses.SAMPLE_LABELS,
    (sample, max) => `sample ${sample} has more labels than the limit ${max}`,
  ],
  [
    statuses.VALUE_SUM,
    (type) => `values of sample type ${type} add up to more than ${2n ** 63n - 1n}`,
  ],
  [statuses.COMMENTS, (count, max) => `profile has ${count} comments, limit ${max}`],
]);

/** The Failure for a negative answer of the kernel with its two details. */
export function statusFailure(code: number, first: bigint, second: bigint): Failure {
  if (code === statuses.OUT_OF_MEMORY) {
    return new Failure('unavailable', 'kernel memory is used up', { reason: 'out_of_memory' });
  }
  if (code === statuses.HEAD_FULL) {
    return new Failure('limit', `values of the head would add up to more than ${2n ** 63n - 1n}`, {
      reason: 'head_full',
    });
  }
  if (code === statuses.BAD_BLOCK) {
    return new Failure('corrupt', 'an id of the block leads nowhere');
  }
  const describe = descriptions.get(code);
  if (describe === undefined) return new Failure('internal', `kernel answered status ${code}`);
  return new Failure('invalid', describe(first, second), { reason: 'malformed_profile' });
}
