// Which labels a scan leaves out when a profile has more groups than it takes. Owns the choice,
// which depends on the profile alone, and its end: after a few rounds no label makes a group.
import { assert } from '../errors.ts';
import type { Label } from '../model/labels.ts';
import { labelsToFold } from './label-folds.ts';

/** Groups to come down to. Whatever the limits are: a scan must find the same groups again. */
const groupsWanted = 500;
/** Scans of one profile that end with too many groups. No real profile needs a third. */
const roundsMax = 4;
/** More label names than this are no labels; to weigh them takes long. */
const namesMax = 200;

/** What a scan that was given up had found. */
export interface Excess {
  sets: readonly (readonly Label[])[];
  /** Names of the labels by their place in the string table. */
  names: ReadonlyMap<number, string>;
}

export class IgnoredLabels {
  readonly names = new Set<string>();
  /** Their places in the string table. */
  keys: Set<number> | 'all' = new Set();
  #rounds = 0;

  /** Leaves out more labels. */
  choose({ sets, names }: Excess): void {
    assert(this.keys !== 'all', 'no labels make too many groups');
    this.#rounds += 1;
    const isLast = this.#rounds === roundsMax || names.size > namesMax;
    const chosen = new Set(isLast ? names.values() : labelsToFold(sets, groupsWanted));
    for (const name of chosen) this.names.add(name);
    if (isLast) this.keys = 'all';
    else for (const [key, name] of names) if (chosen.has(name)) this.keys.add(key);
  }
}
