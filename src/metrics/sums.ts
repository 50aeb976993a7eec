// The samples of many registries, added up: counters and histograms by adding, gauges as the sum of
// what each says now. Owns how many different ones there may be; whose they are it does not ask.
import { eachSample } from './samples.ts';

export interface Family {
  /** Its lines `# HELP` and `# TYPE`. */
  head: string;
  isGauge: boolean;
}

/** The same in every registry that has them: a sum would say nothing. */
const sameEverywhere = new Set(['pyroscope_build_info', 'phlox_settings_file_refused']);
const tenantLabel = /([{,])tenant="[^"]*"/;
/** No tenant has a space in its name. */
const otherTenants = '$1tenant="other tenants"';
const suffix = /_(bucket|sum|count)$/;

/** The families of a registry, by name, in its order. */
export function familiesOf(registryText: string): Map<string, Family> {
  const families = new Map<string, Family>();
  for (const part of registryText.split(/^(?=# HELP )/m)) {
    const [help = '', type = ''] = part.split('\n', 2);
    const [, , name, kind] = type.split(' ');
    if (name === undefined) continue;
    families.set(name, { head: `${help}\n${type}\n`, isGauge: kind === 'gauge' });
  }
  return families;
}

export class MetricSums {
  readonly #families: ReadonlyMap<string, Family>;
  readonly #samplesMax: number;
  /** By family, which has its samples side by side in a text. */
  readonly #sums = new Map<string, Map<string, number>>();
  /** By the name of a sample; undefined for one that no family here has. */
  readonly #familyNames = new Map<string, string | undefined>();
  #count = 0;

  /**
   * Over `samplesMax` different samples those of further tenants are added up as `other tenants`,
   * so that sums over all stay right; others are left out and counted.
   */
  constructor(families: ReadonlyMap<string, Family>, samplesMax: number) {
    this.#families = families;
    this.#samplesMax = samplesMax;
  }

  leftOutCount = 0;

  /** Adds a text of `samplesOf`: all of it, or without its gauges. */
  add(text: string, { hasGauges }: { hasGauges: boolean }): void {
    for (const [id, value] of eachSample(text)) {
      const open = id.indexOf('{');
      const name = open < 0 ? id : id.slice(0, open);
      const family = this.#familyOf(name);
      if (family === undefined || !Number.isFinite(value)) continue;
      if (hasGauges || !this.#families.get(family)?.isGauge) this.#addSample(family, id, value);
    }
  }

  /** The samples alone, to be added elsewhere. */
  samples(): string {
    return [...this.#sums.values()].map(linesOf).join('');
  }

  /** With heads, as a registry writes them. */
  text(): string {
    const parts: string[] = [];
    for (const [name, { head }] of this.#families) {
      const samples = this.#sums.get(name);
      if (samples !== undefined) parts.push(head + linesOf(samples));
    }
    return parts.join('\n');
  }

  #addSample(family: string, id: string, value: number): void {
    const samples = this.#sums.get(family) ?? new Map<string, number>();
    this.#sums.set(family, samples);
    let key = id;
    let before = samples.get(key);
    if (before === undefined && this.#count >= this.#samplesMax) {
      key = id.replace(tenantLabel, otherTenants);
      if (key === id) {
        this.leftOutCount++;
        return;
      }
      before = samples.get(key);
    }
    if (before === undefined) {
      this.#count++;
      key = ownCopy(key);
    }
    const isSame = before !== undefined && sameEverywhere.has(family);
    samples.set(key, isSame ? Math.max(before ?? 0, value) : (before ?? 0) + value);
  }

  #familyOf(name: string): string | undefined {
    if (this.#familyNames.has(name)) return this.#familyNames.get(name);
    const found = [name, name.replace(suffix, '')].find((one) => this.#families.has(one));
    this.#familyNames.set(name, found);
    return found;
  }
}

/** A slice would keep the whole report that it is of in memory. */
function ownCopy(slice: string): string {
  return ` ${slice}`.slice(1);
}

function linesOf(samples: ReadonlyMap<string, number>): string {
  return [...samples].map(([id, value]) => `${id} ${value}\n`).join('');
}
