// The push door: a PushRequest becomes the ingester's profiles. Owns the request's shape and its
// bounds; what is in a profile is the ingester's business.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { Failure } from '../errors.ts';
import type { PushRequest, PushResponseSchema } from '../gen/push/v1/push_pb.ts';
import type { IngesterService, PushedProfile } from '../ingester/contract.ts';

/**
 * Stores every sample of every series under its series' labels. The bodies stay views into the
 * request. Throws `invalid` when there is no sample.
 */
export async function push(
  ingester: IngesterService,
  tenant: string,
  request: PushRequest,
): Promise<MessageInitShape<typeof PushResponseSchema>> {
  const profiles = pushedProfiles(request);
  if (profiles.length === 0) throw new Failure('invalid', 'no profiles received');
  await ingester.push(tenant, profiles);
  return {};
}

function pushedProfiles(request: PushRequest): PushedProfile[] {
  return request.series.flatMap((series) => {
    const labels = series.labels.map(({ name, value }) => ({ name, value }));
    return series.samples.map((sample) => ({ labels, body: sample.rawProfile }));
  });
}
