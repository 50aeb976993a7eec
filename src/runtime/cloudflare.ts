// The front Worker: authenticates, names the tenant and forwards the same request to the tenant's
// object, which runs the same app. Owns that nothing is served while nobody is asked for a key.
import { createFront, type FrontFetch } from '../app/front.ts';
import { Failure, messageOf } from '../errors.ts';
import { DirectoryObject } from './directory-object.ts';
import { directoryOf } from './object-directory.ts';
import { type ObjectNamespace, requestRegion, sendTo } from './object-peers.ts';
import { type WorkerEnv, workerLimits, workerPlatform, workerSettings } from './object-platform.ts';
import { RetentionObject, runRetention } from './retention-object.ts';
import { TenantObject } from './tenant-object.ts';

// The classes of the bindings TENANTS, DIRECTORY and RETENTION.
export { DirectoryObject, RetentionObject, TenantObject };

/** One for each set of bindings, which are the same for all requests of a deployment. */
const fronts = new WeakMap<WorkerEnv, FrontFetch>();

// A Worker's handlers.
export default {
  async fetch(request: Request, env: WorkerEnv): Promise<Response> {
    let front = fronts.get(env);
    try {
      front ??= openFront(env);
    } catch (error) {
      // Nothing of a setting is shown to strangers, nor served until it is right.
      console.error(JSON.stringify({ level: 'error', msg: 'not served', error: messageOf(error) }));
      return notServed('the settings are not right, the log says why');
    }
    if (front === undefined) {
      return notServed('no keys are configured: set PHLOX_KEYS, or PHLOX_INSECURE=true in dev');
    }
    fronts.set(env, front);
    return front(request, () => request.headers.get('cf-connecting-ip') ?? undefined);
  },

  /** By the cron trigger, which may be late but never early. */
  async scheduled({ scheduledTime }: { scheduledTime: number }, env: WorkerEnv): Promise<void> {
    await runRetention(env, Math.max(scheduledTime, Date.now()));
  },
};

/** Undefined without keys, unless that is wanted. */
function openFront(env: WorkerEnv): FrontFetch | undefined {
  const settings = workerSettings(env);
  if (settings.keys === undefined && !settings.insecure) return undefined;
  const platform = workerPlatform();
  const directory = directoryOf(env.DIRECTORY);
  return createFront({
    platform,
    settings,
    requestBytesMax: platform.bounds?.requestBytesMax ?? 0,
    forward: (tenant, request) => forward(env.TENANTS, tenant, request),
    limitsOf: workerLimits(settings),
    send: sendTo(env.TENANTS),
    regionOf: requestRegion,
    tenantsAfter: directory.tenantsAfter,
    allMetrics: directory.metrics,
  });
}

async function forward(
  objects: ObjectNamespace,
  tenant: string,
  request: Request,
): Promise<Response> {
  try {
    const response = await objects.get(objects.idFromName(tenant)).fetch(request);
    // That of an object is not to be changed, and the guard adds headers.
    return new Response(response.body, response);
  } catch (error) {
    // Ended in the middle, or overloaded: nothing was acknowledged.
    const message = `tenant is not reachable: ${messageOf(error)}`;
    throw new Failure('unavailable', message, { cause: error, retryAfterSeconds: 1 });
  }
}

function notServed(message: string): Response {
  return Response.json({ code: 'unavailable', message }, { status: 503 });
}
