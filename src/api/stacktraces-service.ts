// The calls of `querier.v1.QuerierService` whose answers are stacks: flame graphs, trees, DOT,
// pprofs and differences. The hottest reads there are: answers go out as the query service makes
// them, and a pprof is decoded for JSON alone.
import { type DescMessage, fromBinary, toJsonString } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { Failure } from '../errors.ts';
import { ProfileSchema } from '../gen/google/v1/profile_pb.ts';
import {
  ProfileFormat,
  QuerierService,
  type SelectMergeStacktracesRequest,
  SelectMergeStacktracesResponseSchema,
} from '../gen/querier/v1/querier_pb.ts';
import type {
  FlameGraph,
  FlameGraphDiff,
  QueryContext,
  QueryService,
  StacktracesRequest,
} from '../query/contract.ts';
import type { Route } from './call.ts';
import { type DirectAnswer, type DirectOptions, directRoute } from './direct.ts';
import { encodeFlameGraph, flameGraphJson } from './flame-graph-encode.ts';
import { pprofRequest, spanRequest, stacktracesRequest, withGoPgo } from './query-requests.ts';

const { method } = QuerierService;

/** One route a method. */
export function stacktracesRoutes(queries: QueryService, options: DirectOptions): Route[] {
  return [
    directRoute(method.selectMergeStacktraces, options, (request, context) =>
      stacktraces(queries, request, context),
    ),
    directRoute(method.selectMergeSpanProfile, options, async (request, context) => {
      const asked = spanRequest(request);
      return request.format === ProfileFormat.TREE
        ? bytesAnswer(fields.tree, await queries.tree(context, asked))
        : graphAnswer(await queries.flameGraph(context, asked));
    }),
    directRoute(method.selectMergeProfile, options, async (request, context) => {
      const profile = await queries.pprof(context, pprofRequest(request));
      return { binary: () => profile, json: () => decodedJson(ProfileSchema, profile) };
    }),
    directRoute(method.diff, options, async ({ left, right }, context) => {
      const a = sideOf('left', left);
      const b = sideOf('right', right);
      const maxNodes = Math.max(a.maxNodes ?? 0, b.maxNodes ?? 0);
      return graphAnswer(await queries.diff(context, { ...a, maxNodes }, { ...b, maxNodes }));
    }),
  ];
}

/** Numbers of the fields of `SelectMergeStacktracesResponse` besides the flame graph. */
const fields = { tree: 2, dot: 3, pprof: 5 } as const;
/** Of `PprofProfile`. */
const profileField = 1;

async function stacktraces(
  queries: QueryService,
  request: SelectMergeStacktracesRequest,
  context: QueryContext,
): Promise<DirectAnswer> {
  const asked = stacktracesRequest(request);
  switch (request.format) {
    case ProfileFormat.TREE:
      return bytesAnswer(fields.tree, await queries.tree(context, asked));
    case ProfileFormat.DOT: {
      const text = await queries.dot(context, asked);
      return bytesAnswer(fields.dot, new TextEncoder().encode(text));
    }
    case ProfileFormat.PPROF: {
      const exact = withGoPgo(asked, request.stackTraceSelector);
      const profile = await queries.pprof(context, exact);
      return bytesAnswer(fields.pprof, lengthDelimited(profileField, profile));
    }
    default:
      return graphAnswer(await queries.flameGraph(context, asked));
  }
}

/** A side of a difference; its format does not matter. */
function sideOf(name: string, side: SelectMergeStacktracesRequest | undefined): StacktracesRequest {
  if (side === undefined) throw new Failure('invalid', `${name} is missing`);
  return stacktracesRequest(side);
}

function graphAnswer(graph: FlameGraph | FlameGraphDiff): DirectAnswer {
  return { binary: () => encodeFlameGraph(graph), json: () => flameGraphJson(graph) };
}

/** An answer with one field of bytes, left out when there are none. */
function bytesAnswer(field: number, bytes: Uint8Array): DirectAnswer {
  const binary = () => (bytes.byteLength === 0 ? bytes : lengthDelimited(field, bytes));
  return { binary, json: () => decodedJson(SelectMergeStacktracesResponseSchema, binary()) };
}

function lengthDelimited(field: number, bytes: Uint8Array): Uint8Array {
  return new BinaryWriter().tag(field, WireType.LengthDelimited).bytes(bytes).finish();
}

function decodedJson(schema: DescMessage, bytes: Uint8Array): string {
  return toJsonString(schema, fromBinary(schema, bytes));
}
