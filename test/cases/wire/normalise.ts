// Rows of section 1.5, and of the checks of 1.4 that mend a profile in place of refusing it.
import { pprof, pushOf } from './profiles.ts';
import { asProto, pushPath, type WireClock, type WireRow } from './row.ts';

const stored = ['service_name=shop'];

export function normaliseRows(clock: WireClock): WireRow[] {
  const row = (title: string, profile: Uint8Array, found: readonly string[]): WireRow => {
    const request = { path: pushPath, headers: asProto, body: pushOf(profile) };
    return { title, ...request, status: 200, answer: '', stored: found };
  };
  const sample = (values: number[], locations = [1]) => ({ locations, values });
  const of = (...samples: ReturnType<typeof sample>[]) => pprof(clock, { samples });
  const deep = Array.from({ length: 1_001 }, () => 1);
  const long = pprof(clock, { functions: [{ id: 1, name: 'n'.repeat(65_536) }] });
  return [
    row('1.5 no samples', of(), []),
    row('1.5 samples of zeros alone', of(sample([0]), sample([0])), []),
    row('1.5 a sample of zeros beside another', of(sample([0]), sample([1])), stored),
    row('1.5 a negative value alone', of(sample([-1])), []),
    row('1.5 a negative value beside another', of(sample([-1]), sample([1])), stored),
    row('1.5 a sample whose location is missing', of(sample([1], [77])), []),
    row('1.5 such a sample beside another', of(sample([1], [77]), sample([1])), stored),
    row(
      '1.5 a location whose function is missing',
      pprof(clock, { locations: [{ id: 1, lines: [{ function: 9 }] }] }),
      [],
    ),
    row(
      '1.5 a location whose mapping is missing',
      pprof(clock, { locations: [{ id: 1, mapping: 9, lines: [{ function: 1 }] }] }),
      [],
    ),
    row(
      '1.5 a location with neither lines nor an address',
      pprof(clock, { locations: [{ id: 1 }] }),
      [],
    ),
    row('1.4 a stack of 1,001 calls', of(sample([1], deep)), stored),
    row('1.4 a name of 65,536 bytes', long, stored),
  ];
}
