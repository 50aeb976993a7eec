// What an upload to `/ingest` asks for: the parameters of its URL and the format of its body. Owns
// their defaults, which are Pyroscope's; what makes no sense is read as if it were not there,
// except the name.
import { type IngestName, parseIngestName } from '../convert/ingest-name.ts';
import { Failure } from '../errors.ts';
import { parseTimeNs } from '../lib/parse-time.ts';
import { msToNs } from '../model/time.ts';

/** How a body is read. `multipart` is a pprof among form fields. */
export type IngestFormat =
  | 'trie'
  | 'tree'
  | 'lines'
  | 'jfr'
  | 'pprof'
  | 'speedscope'
  | 'multipart'
  | 'groups';

export interface IngestRequest extends IngestName {
  format: IngestFormat;
  /** Whether the client named the format, rather than leave it to be found. */
  isFormatNamed: boolean;
  contentType: string;
  /** Start of the profile: `from`, or the time of the request. */
  fromNs: bigint;
  /** Time that the profile covers; 0n unless `until` is given. */
  durationNs: bigint;
  /** Samples per second; 0: values are no counts of samples. */
  sampleRate: number;
  spyName: string;
}

const nameCharsMax = 64 * 1024;
const sampleRateDefault = 100;
const sampleRateMax = 2 ** 32 - 1;
const spyNameDefault = 'unknown';
const int64Max = 2n ** 63n - 1n;

/** Start of 1971: a time before it is one in another unit, or none. */
export const plausibleNs = 31_536_000_000_000_000n;

/** Reads URL and content type. Throws `invalid` for a missing or malformed name. */
export function ingestRequestOf(request: Request, nowMs: number): IngestRequest {
  const { url } = request;
  const query = url.indexOf('?');
  const params = new URLSearchParams(query < 0 ? '' : url.slice(query + 1));
  const name = params.get('name') ?? '';
  if (name === '') throw new Failure('invalid', 'name: the parameter is missing');
  if (name.length > nameCharsMax) {
    throw new Failure('invalid', `name: ${name.length} characters, limit ${nameCharsMax}`);
  }
  const contentType = request.headers.get('content-type') ?? '';
  const format = params.get('format') ?? '';
  const fromNs = timeNs(params.get('from'), nowMs) ?? msToNs(nowMs);
  // Without `until` the duration would be another one each time that a client tries again.
  const untilNs = timeNs(params.get('until'), nowMs) ?? fromNs;
  return {
    ...parseIngestName(name),
    format: formatOf(format, contentType),
    isFormatNamed: format !== '',
    contentType,
    fromNs,
    durationNs: untilNs > fromNs ? untilNs - fromNs : 0n,
    sampleRate: sampleRateOf(params.get('sampleRate')),
    spyName: params.get('spyName') || spyNameDefault,
  };
}

/** The first rule that applies, in Pyroscope's order. */
function formatOf(format: string, contentType: string): IngestFormat {
  if (format === 'trie' || contentType.startsWith('binary/octet-stream+trie')) return 'trie';
  if (format === 'tree' || contentType.startsWith('binary/octet-stream+tree')) return 'tree';
  const named = (['lines', 'jfr', 'pprof', 'speedscope'] as const).find((one) => one === format);
  if (named !== undefined) return named;
  return /^\s*multipart\/form-data/i.test(contentType) ? 'multipart' : 'groups';
}

/** Undefined for what is no time, and for times that no profile can have. */
function timeNs(text: string | null, nowMs: number): bigint | undefined {
  const time = text === null ? undefined : parseTimeNs(text, nowMs);
  return time !== undefined && time >= plausibleNs && time <= int64Max ? time : undefined;
}

function sampleRateOf(text: string | null): number {
  if (text === null || !/^\d{1,10}$/.test(text)) return sampleRateDefault;
  const rate = Number(text);
  return rate <= sampleRateMax ? rate : sampleRateDefault;
}
