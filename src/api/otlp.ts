// `POST /v1development/profiles`, OTLP's door for profiles, and the refusal of gRPC. Owns what a
// request is answered: 200 when something was stored, with what was not as partial success; 400
// when nothing was. Nothing is stored of a request that is to be sent again.
// https://opentelemetry.io/docs/specs/otlp/#otlphttp-response
import { singleTenant } from '../auth/tenant.ts';
import { decodeOtlpBinary } from '../convert/otlp-binary.ts';
import { convertOtlp, type OtlpOutcome } from '../convert/otlp-convert.ts';
import { decodeOtlpJson } from '../convert/otlp-json.ts';
import { Failure, isFailure } from '../errors.ts';
import {
  type IngesterService,
  ProfilesRefused,
  type PushedProfile,
  type RefusedProfile,
  refusalText,
} from '../ingester/contract.ts';
import { ProtobufWriter } from '../lib/protobuf-writer.ts';
import { inTurns } from '../lib/steps.ts';
import type { LimitsOf } from '../limits/limits.ts';
import type { Metrics } from '../metrics/registry.ts';
import { labelValue } from '../model/labels.ts';
import type { Platform } from '../platform.ts';
import type { BodyReader } from './body.ts';
import type { Call, Route } from './call.ts';
import { Refusal } from './errors.ts';
import {
  namesSchema,
  type OtlpEncoding,
  otlpContentTypes,
  otlpEncodingOf,
} from './otlp-encoding.ts';
import { pushTenant } from './push-tenant.ts';

export interface OtlpOptions {
  ingester: Pick<IngesterService, 'push'>;
  readBody: BodyReader;
  /** Bound on a body, as received and again inflated, and on the pprofs that are made of it. */
  bytesMax: number;
  limitsOf: LimitsOf;
  /** See `ConvertOptions`. */
  serviceNameAttributes: readonly string[];
  metrics: Pick<Metrics, 'ingest'>;
  platform: Pick<Platform, 'clock' | 'yield'>;
}

const httpPath = '/v1development/profiles';
const grpcPath = '/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export';
const grpcReason =
  `grpc is not served: use the collector's otlp_http exporter (otlphttp in older releases), ` +
  `whose endpoint http://host:port gets ${httpPath} added, or its profiles_endpoint`;

/** Both paths take OTLP/HTTP: clients of gRPC that are told of it may keep their path. */
export function otlpRoutes(options: OtlpOptions): Route[] {
  return [httpPath, grpcPath].map((path) => ({
    path,
    methods: ['POST'],
    scope: 'push',
    isTenantScoped: true,
    isBounded: true,
    door: 'otlp',
    handle: (call) => receiveProfiles(call, options),
  }));
}

async function receiveProfiles(call: Call, options: OtlpOptions): Promise<Response> {
  const encoding = supportedEncoding(call.request.headers.get('content-type'));
  const named = call.tenantLabel === undefined ? singleTenant(call.tenants) : undefined;
  const body = await received(call, options);
  const { outcomes, refused } = await converted(body, encoding, named, call, options);
  const pushed = outcomes.flatMap(({ index, pushed: profiles }) =>
    profiles.map((profile) => ({ index, profile })),
  );
  const tenant = named ?? labelledTenant(call, pushed);
  const notStored = tenant === undefined ? [] : await push(options.ingester, tenant, pushed);
  // Refusals of a request that is to be sent again are counted when it comes again.
  for (const { failure } of refused) discarded(options, tenant, failure);
  const all = [...refused, ...notStored].sort((a, b) => a.index - b.index);
  const perProfile = all.filter(({ index }, i) => all[i - 1]?.index !== index);
  const [first] = perProfile;
  if (first === undefined) return success(encoding, 0, '');
  const message = refusalText(perProfile, outcomes.length);
  if (pushed.length > notStored.length) return success(encoding, perProfile.length, message);
  throw outcomes.length === 1 ? first.failure : new Failure('invalid', message);
}

/** Undefined when there is nothing to store, and so nobody to store it for. */
function labelledTenant(call: Call, pushed: readonly Pushed[]): string | undefined {
  if (pushed.length === 0) return undefined;
  return pushTenant(call, (name) =>
    pushed.map(({ profile }) => labelValue(profile.labels, name) || undefined),
  );
}

function supportedEncoding(contentType: string | null): Exclude<OtlpEncoding, 'grpc'> {
  const encoding = otlpEncodingOf(contentType);
  if (encoding === 'grpc') throw new Refusal(415, 'unimplemented', grpcReason);
  if (encoding !== undefined) return encoding;
  const given = JSON.stringify((contentType ?? '').slice(0, 128));
  const supported = otlpContentTypes.join(', ');
  const message = `content type ${given} is not supported, use ${supported}`;
  throw new Refusal(415, 'unknown', message, { 'Accept-Post': supported });
}

/** The reader's refusals are Connect's; OTLP clients know those of plain HTTP. */
async function received(call: Call, { readBody, bytesMax }: OtlpOptions): Promise<Uint8Array> {
  try {
    return await readBody(call, bytesMax);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const plainStatus: Readonly<Record<number, number>> = { 499: 408, 501: 415 };
    const { status, code, message, headers } = error;
    throw new Refusal(plainStatus[status] ?? status, code, message, headers);
  }
}

interface Pushed {
  /** Of the profile in the request. */
  index: number;
  profile: PushedProfile;
}

interface Converted {
  outcomes: OtlpOutcome[];
  refused: RefusedProfile[];
}

async function converted(
  body: Uint8Array,
  encoding: OtlpEncoding,
  tenant: string | undefined,
  call: Call,
  options: OtlpOptions,
): Promise<Converted> {
  const outcomes: OtlpOutcome[] = [];
  const refused: RefusedProfile[] = [];
  const { giveWay } = call;
  try {
    const isNamed = namesSchema(call.request.headers);
    const decoded = encoding === 'json' ? decodeOtlpJson(body) : decodeOtlpBinary(body, isNamed);
    const request = await inTurns(decoded, giveWay);
    const { bytesMax, serviceNameAttributes } = options;
    // Without a tenant the ingester has the first word on a profile's size.
    const profileBytesMax =
      tenant === undefined ? bytesMax : options.limitsOf(tenant).profileBytesMax;
    for (const outcome of convertOtlp(request, {
      serviceNameAttributes,
      bytesMax,
      profileBytesMax,
    })) {
      await giveWay();
      if (outcome === undefined) continue;
      outcomes.push(outcome);
      const { index, failure, pushed } = outcome;
      if (failure !== undefined) refused.push({ index, failure });
      for (const profile of pushed) call.lease.take(profile.body.byteLength);
    }
  } catch (error) {
    if (isFailure(error, 'invalid')) discarded(options, tenant, error);
    throw error;
  }
  return { outcomes, refused };
}

/** Resolves to what is not stored, by profile of the request. Throws what is to be sent again. */
async function push(
  ingester: OtlpOptions['ingester'],
  tenant: string,
  pushed: readonly Pushed[],
): Promise<RefusedProfile[]> {
  if (pushed.length === 0) return [];
  const indexOf = (place: number) => pushed[place]?.index ?? 0;
  try {
    await ingester.push(
      tenant,
      pushed.map(({ profile }) => profile),
    );
    return [];
  } catch (error) {
    if (error instanceof ProfilesRefused) {
      return error.refused.map(({ index, failure }) => ({ index: indexOf(index), failure }));
    }
    // Of several profiles it means the request as a whole.
    if (pushed.length > 1 || !isFailure(error, 'invalid')) throw error;
    return [{ index: indexOf(0), failure: error }];
  }
}

/** `partial_success` 1, which has `rejected_profiles` 1 and `error_message` 2. */
function success(encoding: OtlpEncoding, rejected: number, message: string): Response {
  if (encoding === 'json') {
    const partialSuccess = { rejectedProfiles: String(rejected), errorMessage: message };
    const answer = JSON.stringify(rejected === 0 ? {} : { partialSuccess });
    // Of its own accord Bun adds a charset to the type, which OTLP does not have.
    return new Response(answer, { headers: { 'Content-Type': 'application/json' } });
  }
  const writer = new ProtobufWriter();
  if (rejected > 0) {
    const partial = new ProtobufWriter();
    partial.number(1, rejected);
    partial.string(2, message);
    writer.message(1, partial);
  }
  return new Response(writer.view(), { headers: { 'Content-Type': 'application/x-protobuf' } });
}

function discarded(
  { metrics }: OtlpOptions,
  tenant: string | undefined,
  { reason }: Failure,
): void {
  if (tenant === undefined) return;
  metrics.ingest.discardedProfiles.inc({ reason: reason ?? 'malformed_profile', tenant }, 1);
}
