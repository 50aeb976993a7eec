// What the protocol notes say in sections 0 to 3 and no row asks, each with the reason, and where
// else it is tested if it is; and rows that are not asked of tenants over several objects. Of the
// Worker itself every row is asked. This is the one list of it.

export interface WireExclusion {
  section: string;
  what: string;
  why: string;
}

export const wireExclusions: readonly WireExclusion[] = [
  {
    section: '0.1',
    what: 'HTTP/2 without TLS, a second port for operators',
    why: 'a server of fetch has one port, and what its runtime speaks on it',
  },
  {
    section: '0.2',
    what: 'gRPC, gRPC-Web and streams that are served',
    why: 'not served over fetch: rows show how they are refused',
  },
  {
    section: '0.2',
    what: 'Connect-Timeout-Ms that passes',
    why: 'needs a slow answer: test/unit/api/deadline.test.ts',
  },
  {
    section: '0.2',
    what: 'answers in gzip',
    why: 'an answer of Push is empty: test/unit/api/services.test.ts asks queries',
  },
  {
    section: '0.3',
    what: '499, 504, a panic',
    why: 'need a client that leaves or a fault: test/unit/api/query-errors.test.ts',
  },
  {
    section: '0.4',
    what: 'Server-Timing, artificial delays, the pages of the user interface',
    why: 'not there',
  },
  {
    section: '1.3 e, g',
    what: 'quotas for a period, sampling, usage groups',
    why: 'not there: they answer to a seller',
  },
  {
    section: '1.3 f',
    what: '429 over the rate',
    why: 'depends on the moment: test/unit/limits.test.ts moves the clock',
  },
  {
    section: '1.3 h, m, o',
    what: 'languages, repositories in build ids, windows of aggregation',
    why: 'not there; none has a status, and labels stay as they were sent',
  },
  {
    section: '1.3 j',
    what: "repairs of Go's names and stacks",
    why: 'no status: test/wasm/normalise.test.ts has the names, stacks are not guessed',
  },
  {
    section: '1.3 k, p',
    what: 'relabelling, by series and by sample type',
    why: 'not there; nothing is dropped that a client was not told of',
  },
  {
    section: '1.3 q',
    what: 'a push that takes longer than five seconds',
    why: 'one process stores what it takes',
  },
  {
    section: '1.4',
    what: 'nil profiles and nil samples',
    why: 'the wire has no nil: an empty profile is a row',
  },
  {
    section: '1.5',
    what: 'samples that are added up, strings and ids that nobody uses, cleared addresses',
    why: 'no status: test/wasm/normalise.test.ts, test/unit/oracle.test.ts',
  },
  {
    section: '1.7 8',
    what: 'sanitised label names',
    why: 'the default, names as they are, is what is served',
  },
  {
    section: '1.8',
    what: 'sessions that are kept by number, the built-in rule about wall profiles of CPU time',
    why: 'not there: as with the default a session is taken off, and the rule finds no __type__',
  },
  {
    section: '1.10',
    what: '403 and 401 for keys',
    why: 'the suite has none: test/unit/api/access.test.ts, test/runtime/tenants.test.ts',
  },
  {
    section: '2.3',
    what: 'which time each format is',
    why: 'no status: test/unit/lib/parse-time.test.ts',
  },
  {
    section: '2.6',
    what: 'names of functions of scripting clients',
    why: 'no status: test/unit/api/ingest.test.ts',
  },
  {
    section: '2.7, 2.9',
    what: 'the profile types of clients and of suffixes, units and rates',
    why: 'no status: test/unit/ingest.test.ts, test/unit/api/ingest-formats.test.ts',
  },
  { section: '2.8', what: 'what JFR becomes', why: 'refused with 415, which rows ask' },
  {
    section: '2.10, 3.2',
    what: '429 over the rate',
    why: 'one code does it for all doors: test/unit/limits.test.ts',
  },
  {
    section: '2.10',
    what: '408',
    why: 'needs a body that stalls: test/unit/api/ingest.test.ts',
  },
  {
    section: '2.10',
    what: '500',
    why: 'needs a fault that is injected: test/unit/api/ingest.test.ts',
  },
  {
    section: '3.1',
    what: 'gRPC over HTTP/2, its metadata and compression',
    why: 'not served over fetch',
  },
  { section: '3.2', what: 'the codes of gRPC', why: 'not served over fetch' },
  {
    section: '3.3, 3.4',
    what: 'stacks, frames, times and durations of profiles',
    why: 'no status: test/unit/otlp.test.ts, test/unit/convert/otlp-rules.test.ts',
  },
];

/** Rows, by title, that tenants spread over several objects on Workers answer otherwise. */
export const spreadExclusions: readonly { title: string; why: string }[] = [
  {
    title: '1.10 over the series limit',
    why: 'each object has the limit for itself: the two series are in two objects',
  },
  {
    title: '3.2 over the series limit',
    why: 'each object has the limit for itself: the two series are in two objects',
  },
];
