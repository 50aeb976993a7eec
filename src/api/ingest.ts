// `POST /ingest`, the SDKs' door. Owns its status codes, which are not Connect's: a payload that
// cannot be converted is 422, and so is a pprof that the ingester finds wrong; both are 400 at the
// push door. Clients need exactly 200 and an empty body.
import { singleTenant } from '../auth/tenant.ts';
import { type Failure, isFailure } from '../errors.ts';
import type { IngesterService, PushedProfile } from '../ingester/contract.ts';
import { inTurns, type Steps } from '../lib/steps.ts';
import type { LimitsOf } from '../limits/limits.ts';
import type { Metrics } from '../metrics/registry.ts';
import type { Platform } from '../platform.ts';
import type { BodyReader } from './body.ts';
import type { Call, Route } from './call.ts';
import { isBodyTooLarge, Refusal } from './errors.ts';
import { jfrRefusal } from './ingest-jfr.ts';
import { type IngestContext, pprofProfiles } from './ingest-pprof.ts';
import { type IngestRequest, ingestRequestOf } from './ingest-request.ts';
import { stackReader } from './ingest-stacks.ts';
import { pushTenant } from './push-tenant.ts';

export interface IngestOptions {
  ingester: Pick<IngesterService, 'push'>;
  readBody: BodyReader;
  /** Bound on a body, as received and again after its Content-Encoding. */
  bytesMax: number;
  limitsOf: LimitsOf;
  metrics: Pick<Metrics, 'ingest'>;
  platform: Pick<Platform, 'clock' | 'gunzip' | 'yield'>;
}

type Convert = (body: Uint8Array, context: IngestContext) => Steps<PushedProfile[]>;

/** The route and its other name. */
export function ingestRoutes(options: IngestOptions): Route[] {
  return ['/ingest', '/pyroscope/ingest'].map((path) => ({
    path,
    methods: ['POST'],
    scope: 'push',
    isTenantScoped: true,
    isBounded: true,
    door: 'http',
    handle: (call) => ingest(call, options),
  }));
}

async function ingest(call: Call, options: IngestOptions): Promise<Response> {
  const { ingester, platform, limitsOf } = options;
  // Before anything else of the request is looked at, but where a label tells.
  const named = call.tenantLabel === undefined ? singleTenant(call.tenants) : undefined;
  const request = ingestRequestOf(call.request, platform.clock.nowMs());
  const tenant = named ?? pushTenant(call, (label) => [request.labels.get(label)]);
  const { convert, refusedStatus } = converterFor(request);
  const body = await received(call, options);
  const { profileBytesMax } = limitsOf(tenant);
  let profiles: PushedProfile[];
  try {
    const steps = convert(body, { profileBytesMax, gunzip: platform.gunzip });
    profiles = await inTurns(steps, call.giveWay);
  } catch (error) {
    if (!isFailure(error, 'invalid')) throw error;
    discarded(options, tenant, error, body.byteLength);
    throw refusal(422, error);
  }
  try {
    if (profiles.length > 0) await ingester.push(tenant, profiles);
  } catch (error) {
    // The ingester has counted it.
    throw isFailure(error, 'invalid') ? refusal(refusedStatus, error) : error;
  }
  return new Response(null, { status: 200 });
}

/** Throws for what is wrong before there is a body. */
function converterFor(request: IngestRequest): { convert: Convert; refusedStatus: number } {
  const { format } = request;
  if (format === 'jfr') throw jfrRefusal();
  if (format === 'pprof' || format === 'multipart') {
    const convert: Convert = (body, context) => pprofProfiles(request, body, context);
    return { convert, refusedStatus: 422 };
  }
  return { convert: stackReader(request, format), refusedStatus: 400 };
}

async function received(call: Call, { readBody, bytesMax }: IngestOptions): Promise<Uint8Array> {
  try {
    return await readBody(call, bytesMax);
  } catch (error) {
    if (error instanceof Refusal) throw plainRefusal(error);
    const isDamaged = isFailure(error, 'invalid') && !isBodyTooLarge(error);
    throw isDamaged ? refusal(422, error) : error;
  }
}

/** The reader's refusals are Connect's; this door says the same in plain HTTP. */
function plainRefusal({ status, code, message, headers }: Refusal): Refusal {
  const plainStatus: Readonly<Record<number, number>> = { 499: 408, 501: 415 };
  return new Refusal(plainStatus[status] ?? status, code, message, headers);
}

function refusal(status: number, { message }: Failure): Refusal {
  return new Refusal(status, 'invalid_argument', message);
}

function discarded(
  { metrics }: IngestOptions,
  tenant: string,
  failure: Failure,
  bytes: number,
): void {
  const labels = { reason: failure.reason ?? 'malformed_profile', tenant };
  metrics.ingest.discardedProfiles.inc(labels, 1);
  metrics.ingest.discardedBytes.inc(labels, bytes);
}
