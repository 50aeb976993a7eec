// Which of two layouts the samples of a binary request have. OTLP 1.10 gave the fields of `Sample`
// other numbers without a version to tell them by, so the request itself is the evidence. Owns the
// field numbers of both and the decision, which is one for the whole request.
import { Failure } from '../errors.ts';
import { MessageReader } from '../lib/protobuf-message.ts';
import { wireBytes, wireFixed64, wireVarint } from '../lib/protobuf-reader.ts';
import type { Steps } from '../lib/steps.ts';
import { OtlpBudget } from './otlp-model.ts';

export interface SampleLayout {
  readonly version: '1.9' | '1.10';
  readonly values: number;
  readonly attributes: number;
  readonly link: number;
}

export const layout19: SampleLayout = { version: '1.9', values: 2, attributes: 3, link: 4 };
export const layout110: SampleLayout = { version: '1.10', values: 4, attributes: 2, link: 3 };

interface Evidence {
  /** Of one layout only: where the two have another wire type, and what 1.9 did not have yet. */
  for19: boolean;
  for110: boolean;
  /** Samples of fields 1, 2 and 5 alone: values, or attributes, of timestamps. */
  isTimed: boolean;
  /** Whether a field 2 beside timestamps cannot be values: there must be one for each timestamp. */
  isUnequal: boolean;
  /** Whether a field 2 beside timestamps cannot be attributes: no such index. */
  leastTimed: bigint;
  mostTimed: bigint;
  attributeCount: bigint;
  /** The same bounds as when it is read: this comes before. */
  budget: OtlpBudget;
}

/**
 * Throws `invalid` when the request speaks for both layouts, or for neither. `isNamed`: its sender
 * names the schema that it wrote, which only those of 1.10 do; it counts where samples do not tell.
 */
export function* decideLayout(request: Uint8Array, isNamed = false): Steps<SampleLayout> {
  const evidence: Evidence = {
    for19: false,
    for110: false,
    isTimed: false,
    isUnequal: false,
    leastTimed: 1n,
    mostTimed: 0n,
    attributeCount: 0n,
    budget: new OtlpBudget(),
  };
  const reader = new MessageReader(request);
  while (reader.next()) {
    if (reader.field === 1) yield* readResource(reader.message(), evidence);
    else if (reader.field === 2) yield* readDictionary(reader.message(), evidence);
  }
  return decide(evidence, isNamed);
}

function decide(evidence: Evidence, isNamed: boolean): SampleLayout {
  const { for19, for110, isTimed, isUnequal, leastTimed, mostTimed, attributeCount } = evidence;
  if (for19 && for110) throw undecided('samples of two layouts are mixed');
  if (for110 || (isNamed && !for19)) return layout110;
  if (for19 || !isTimed) return layout19;
  const isNoIndex = leastTimed < 1n || mostTimed >= attributeCount;
  if (isNoIndex === isUnequal) {
    throw undecided('field 2 can be the values of OTLP 1.9 or the attributes of 1.10');
  }
  return isNoIndex ? layout19 : layout110;
}

function undecided(why: string): Failure {
  const cure = 'send values in every sample, or json';
  return new Failure('invalid', `layout of the samples is undecided: ${why}; ${cure}`);
}

/** Also for JSON, where a field has another name. */
export function olderLayout(): Failure {
  return new Failure('invalid', 'profile is of a layout before otlp 1.9, send 1.9 or newer');
}

function* readResource(reader: MessageReader, evidence: Evidence): Steps<void> {
  while (reader.next()) {
    if (evidence.budget.isDue(0)) yield;
    if (reader.field === 1) yield* readAttributed(reader.message(), 1, evidence);
    else if (reader.field === 2) yield* readScope(reader.message(), evidence);
  }
}

function* readScope(reader: MessageReader, evidence: Evidence): Steps<void> {
  while (reader.next()) {
    if (evidence.budget.isDue(0)) yield;
    if (reader.field === 1) yield* readAttributed(reader.message(), 3, evidence);
    else if (reader.field === 2) yield* readProfile(reader.message(), evidence);
  }
}

function* readProfile(reader: MessageReader, evidence: Evidence): Steps<void> {
  while (reader.next()) {
    const { field, wire } = reader;
    if (field === 2) {
      evidence.budget.object();
      readSample(reader.message(), evidence);
      if (evidence.budget.isDue(reader.end - reader.start)) yield;
    }
    // Locations, duration and the period's type were here.
    else if (field === 3 && wire !== wireFixed64) throw olderLayout();
    else if (field === 5 && wire !== wireBytes) throw olderLayout();
    else if (field === 6 && wire !== wireVarint) throw olderLayout();
  }
}

function readSample(reader: MessageReader, evidence: Evidence): void {
  let count = 0;
  let timestampCount = 0;
  let least = 1n;
  let most = 0n;
  let isOther = false;
  while (reader.next()) {
    const { field, wire } = reader;
    if (field === 2) {
      reader.eachSigned((value) => {
        evidence.budget.number();
        count += 1;
        if (value < least) least = value;
        if (value > most) most = value;
      });
    } else if (field === 3 || field === 4) {
      isOther = true;
      const isList = wire === wireBytes;
      // Field 3 is a list in 1.9 and the link in 1.10, field 4 the other way round. Encoders pack
      // lists, whose single elements would look like a link.
      if (isList === (field === 3)) evidence.for19 = true;
      else evidence.for110 = true;
    } else if (field === 5) {
      // The link was here, and timestamps in field 6.
      if (wire === wireVarint) throw olderLayout();
      timestampCount += reader.fixed64Count();
    }
  }
  if (isOther || count === 0 || timestampCount === 0) return;
  evidence.isTimed = true;
  if (count !== timestampCount) evidence.isUnequal = true;
  if (least < evidence.leastTimed) evidence.leastTimed = least;
  if (most > evidence.mostTimed) evidence.mostTimed = most;
}

/** Keys and values by index into the strings came with 1.10. */
function* readAttributed(
  reader: MessageReader,
  listField: number,
  evidence: Evidence,
): Steps<void> {
  while (reader.next()) {
    if (reader.field === listField) readKeyValue(reader.message(), true, evidence);
    if (evidence.budget.isDue(reader.end - reader.start)) yield;
  }
}

function* readDictionary(reader: MessageReader, evidence: Evidence): Steps<void> {
  while (reader.next()) {
    if (evidence.budget.isDue(0)) yield;
    if (reader.field !== 6) continue;
    evidence.attributeCount += 1n;
    readKeyValue(reader.message(), false, evidence);
  }
}

function readKeyValue(reader: MessageReader, isPlain: boolean, evidence: Evidence): void {
  while (reader.next()) {
    if (isPlain && reader.field === 3 && reader.row() > 0) evidence.for110 = true;
    if (reader.field !== 2) continue;
    const value = reader.message();
    while (value.next()) if (value.field === 8) evidence.for110 = true;
  }
}
