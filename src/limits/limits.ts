// Per-tenant limits and their defaults. Owns the numbers; `label-rules.ts` and the ingester
// enforce them. The defaults are Pyroscope's.

export interface Limits {
  /** Of one profile after inflating. */
  profileBytesMax: number;
  /** Samples of one profile. */
  samplesMax: number;
  /** String labels of one sample. */
  sampleLabelsMax: number;
  /** Labels of one series, without those the sample type adds. */
  labelNamesMax: number;
  labelNameBytesMax: number;
  labelValueBytesMax: number;
  /** Series of one tenant in its live head. */
  seriesMax: number;
}

export const defaultLimits: Readonly<Limits> = {
  profileBytesMax: 4 * 1024 * 1024,
  samplesMax: 16_000,
  sampleLabelsMax: 100,
  labelNamesMax: 30,
  labelNameBytesMax: 1_024,
  labelValueBytesMax: 2_048,
  seriesMax: 5_000,
};

/** The limits of a tenant. */
export type LimitsOf = (tenant: string) => Readonly<Limits>;
