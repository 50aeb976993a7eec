// How a profile is taken into a head, beyond what it says itself. Decided at the push by the limits
// and the room of that moment, and part of its log record when it is not the plain one: whatever is
// set later, a replay makes the rows that were acknowledged.

export interface Treatment {
  /** Locations of a stack that are kept, next to the root. */
  stackDepthMax: number;
  /** Bytes of a string that are kept, at its end. */
  symbolBytesMax: number;
  /** Sets of sample labels that are told apart; past it labels are folded, all of them at 0. */
  labelGroupsMax: number;
  /** Sample labels that are folded in any case, for want of room for series. */
  foldedLabels: readonly string[];
}

/** By the default limits, with nothing folded. Part of the log's format: never to be changed. */
export const plainTreatment: Treatment = {
  stackDepthMax: 1_000,
  symbolBytesMax: 65_535,
  labelGroupsMax: 500,
  foldedLabels: [],
};

/** True when a record needs not say it. */
export function isPlain(treatment: Treatment): boolean {
  return (
    treatment.stackDepthMax === plainTreatment.stackDepthMax &&
    treatment.symbolBytesMax === plainTreatment.symbolBytesMax &&
    treatment.labelGroupsMax === plainTreatment.labelGroupsMax &&
    treatment.foldedLabels.length === 0
  );
}
