// Queries of a phlox or Pyroscope server over HTTP, behind the same calls as a query engine here:
// the verbs of the command do not tell them apart. Owns the wire's client side.
import {
  create,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { tenantHeader } from '../auth/tenant.ts';
import { Failure, type FailureKind, messageOf } from '../errors.ts';
import {
  QuerierService,
  type FlameGraph as WireFlameGraph,
  type FlameGraphDiff as WireFlameGraphDiff,
} from '../gen/querier/v1/querier_pb.ts';
import type { MsRange, QueryContext, QueryService, StacktracesRequest } from '../query/contract.ts';
import { version } from '../version.ts';

/** What the verbs ask. */
export type Queries = Pick<
  QueryService,
  'series' | 'flameGraph' | 'diff' | 'pprof' | 'folded' | 'dot' | 'report'
>;

const { method } = QuerierService;

// An answer that is larger than what a person can want from a command.
const answerBytesMax = 1 << 30;

/**
 * Of the server at `url`, such as `http://127.0.0.1:4040`; a path in it is kept. A context without
 * tenants leaves it to the key.
 */
export function remoteQueries(url: string, key?: string): Queries {
  const base = url.replace(/\/+$/, '');
  const headersFor = (tenants: readonly string[]) => requestHeaders(tenants, key);
  const call = async <Method extends DescMethodUnary>(
    name: Method,
    { tenants, signal }: QueryContext,
    message: MessageInitShape<Method['input']>,
  ): Promise<MessageShape<Method['output']>> =>
    fromBinary<Method['output']>(
      name.output,
      await post(base, name, { headers: headersFor(tenants), signal }, message),
    );
  const rendered = async (
    { tenants, signal }: QueryContext,
    request: StacktracesRequest,
    more: Record<string, string>,
  ) => {
    const params = { ...renderParams('query', 'from', 'until', request), ...more };
    if (request.maxNodes !== undefined) params['max-nodes'] = String(request.maxNodes);
    const init = { headers: headersFor(tenants), signal };
    const bytes = await answered(base, `/pyroscope/render?${new URLSearchParams(params)}`, init);
    return new TextDecoder().decode(bytes);
  };
  return {
    async series(context, { matchers, labelNames, range }) {
      const times = range === undefined ? {} : wireRange(range);
      const found = await call(method.series, context, {
        matchers: [...matchers],
        labelNames: [...labelNames],
        ...times,
      });
      return found.labelsSet.map(({ labels }) =>
        labels.map(({ name, value }) => ({ name, value })),
      );
    },
    async flameGraph(context, request) {
      const { flamegraph } = await call(
        method.selectMergeStacktraces,
        context,
        wireSelect(request),
      );
      return graphOf(flamegraph);
    },
    async diff(context, left, right) {
      const sides = { left: wireSelect(left), right: wireSelect(right) };
      const { flamegraph } = await call(method.diff, context, sides);
      const { leftTicks = 0n, rightTicks = 0n } = flamegraph ?? {};
      return { ...graphOf(flamegraph), leftTicks, rightTicks };
    },
    pprof: ({ tenants, signal }, request) =>
      post(
        base,
        method.selectMergeProfile,
        { headers: headersFor(tenants), signal },
        wireSelect(request),
      ),
    folded: (context, request) => rendered(context, request, { format: 'folded' }),
    dot: (context, request) => rendered(context, request, { format: 'dot' }),
    report(context, { baseline, budget, ...request }) {
      const compared =
        baseline && renderParams('baselineQuery', 'baselineFrom', 'baselineUntil', baseline);
      return rendered(context, request, { format: 'md', budget: String(budget), ...compared });
    },
  };
}

function post<Method extends DescMethodUnary>(
  base: string,
  name: Method,
  { headers, signal }: { headers: Record<string, string>; signal: AbortSignal },
  message: MessageInitShape<Method['input']>,
): Promise<Uint8Array> {
  const body = new Uint8Array(toBinary(name.input, create(name.input, message)));
  const path = `/${name.parent.typeName}/${name.name}`;
  const typed = { ...headers, 'Content-Type': 'application/proto' };
  return answered(base, path, { method: 'POST', headers: typed, body, signal });
}

function requestHeaders(
  tenants: readonly string[],
  key: string | undefined,
): Record<string, string> {
  return {
    'User-Agent': `phlox/${version}`,
    Accept: '*/*;allow-utf8-labelnames=true',
    ...(tenants.length > 0 && { [tenantHeader]: tenants.join('|') }),
    ...(key !== undefined && { Authorization: `Bearer ${key}` }),
  };
}

/** The body of a 200. Throws what the server says, or `unavailable` when it says nothing. */
async function answered(base: string, path: string, init: RequestInit): Promise<Uint8Array> {
  let response: Response;
  let bytes: Uint8Array;
  try {
    response = await fetch(`${base}${path}`, init);
    const declared = Number(response.headers.get('content-length') ?? 0);
    if (declared > answerBytesMax) {
      throw new Error(`its answer is ${declared} bytes, limit ${answerBytesMax}`);
    }
    bytes = new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    if (init.signal?.aborted) throw init.signal.reason;
    throw new Failure('unavailable', `server ${base}: ${messageOf(error)}`, { cause: error });
  }
  if (response.ok) return bytes;
  const hint = response.status === 401 ? ': set PHLOX_KEY' : '';
  const message = `server ${base}: ${refusalOf(response, bytes)}${hint}`;
  throw new Failure(kindOf(response.status), message);
}

function refusalOf(response: Response, bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes);
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    if (typeof message === 'string') return message;
  } catch {
    // Not in the shape of our errors, such as a proxy's page: its first line has to do.
  }
  return `${response.status} ${text.trim().split('\n', 1)[0]?.slice(0, 200) ?? ''}`.trim();
}

function kindOf(status: number): FailureKind {
  if (status === 400 || status === 404) return 'invalid';
  if (status === 401) return 'unauthenticated';
  if (status === 403) return 'forbidden';
  return status === 429 ? 'limit' : 'unavailable';
}

function wireRange({ startMs, endMs }: MsRange): { start: bigint; end: bigint } {
  return { start: BigInt(Math.floor(startMs)), end: BigInt(Math.floor(endMs)) };
}

function wireSelect(request: StacktracesRequest) {
  const { profileType, selector, range, maxNodes, samples } = request;
  const { callSite } = samples;
  return {
    profileTypeID: profileType,
    labelSelector: selector,
    ...wireRange(range),
    ...(maxNodes !== undefined && { maxNodes: BigInt(maxNodes) }),
    ...(callSite !== undefined && {
      stackTraceSelector: { callSite: callSite.map((name) => ({ name })) },
    }),
  };
}

function renderParams(
  query: string,
  from: string,
  until: string,
  { profileType, selector, range }: StacktracesRequest,
): Record<string, string> {
  return {
    [query]: withType(profileType, selector),
    [from]: String(Math.floor(range.startMs)),
    [until]: String(Math.floor(range.endMs)),
  };
}

/** `{a="b"}` and a type in one text; the type becomes a matcher of the metric name. */
function withType(profileType: string, selector: string): string {
  const name = `__name__=${JSON.stringify(profileType)}`;
  const open = selector.indexOf('{');
  const rest = selector.slice(open + 1).trimStart();
  return rest.startsWith('}') ? `{${name}${rest}` : `{${name},${rest}`;
}

function graphOf(graph: WireFlameGraph | WireFlameGraphDiff | undefined) {
  return {
    names: graph?.names ?? ['total'],
    levels: graph?.levels.map(({ values }) => BigInt64Array.from(values)) ?? [],
    total: graph?.total ?? 0n,
    maxSelf: graph?.maxSelf ?? 0n,
  };
}
