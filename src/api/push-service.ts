// The push door: a PushRequest becomes the ingester's profiles. Owns the request's shape and its
// bounds; what is in a profile is the ingester's business.
import { singleTenant } from '../auth/tenant.ts';
import { Failure } from '../errors.ts';
import { type PushRequest, PushRequestSchema } from '../gen/push/v1/push_pb.ts';
import type { IngesterService, PushedProfile } from '../ingester/contract.ts';
import type { BodyReader } from './body.ts';
import type { Route } from './call.ts';
import { pushTenant } from './push-tenant.ts';
import { binaryType, jsonType, receive, unaryRoute } from './receive.ts';

/**
 * A push route. connect-es would add a third to a half of the time that inflating a usual body
 * takes; all that Push needs is decoding and an empty answer. A deadline does not cut it short:
 * what is being stored would be stored all the same.
 */
export function pushRoute(
  path: string,
  ingester: IngesterService,
  readBody: BodyReader,
  bytesMax: number,
): Route {
  const route = unaryRoute(path, async (call) => {
    // Known before the body but where a label tells.
    const named = call.tenantLabel === undefined ? singleTenant(call.tenants) : undefined;
    const { message, isBinary } = await receive(call, PushRequestSchema, readBody, bytesMax);
    await push(ingester, named ?? pushTenant(call, labelValues(message)), message);
    return isBinary
      ? new Response(null, { headers: { 'Content-Type': binaryType } })
      : new Response('{}', { headers: { 'Content-Type': jsonType } });
  });
  return { ...route, scope: 'push' };
}

/**
 * Stores every sample of every series under its series' labels. The bodies stay views into the
 * request. Throws `invalid` when there is no sample.
 */
async function push(
  ingester: IngesterService,
  tenant: string,
  request: PushRequest,
): Promise<void> {
  const profiles = pushedProfiles(request);
  if (profiles.length === 0) throw new Failure('invalid', 'no profiles received');
  await ingester.push(tenant, profiles);
}

function labelValues({ series }: PushRequest) {
  return (label: string) =>
    series.map(({ labels }) => labels.find(({ name }) => name === label)?.value);
}

function pushedProfiles(request: PushRequest): PushedProfile[] {
  return request.series.flatMap((series) => {
    const labels = series.labels.map(({ name, value }) => ({ name, value }));
    return series.samples.map((sample) => ({ labels, body: sample.rawProfile }));
  });
}
