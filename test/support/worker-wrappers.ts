// What tests put around the Worker: modules that import it and are served in its place. Owns no
// process; `workerd.ts` starts them.

/** An object ends as the platform may end it, and tells its age in an answer. */
export const mortalWorker = `
import * as whole from './cloudflare.js';
const { default: worker, TenantObject: Whole } = whole;
export class TenantObject extends Whole {
  #startedMs = performance.now();
  #state;
  constructor(state, env) {
    super(state, env);
    this.#state = state;
  }
  async fetch(request) {
    if (new URL(request.url).pathname.startsWith('/test/abort/')) this.#state.abort('ended');
    const whole = await super.fetch(request);
    const answer = new Response(whole.body, whole);
    answer.headers.set('x-object-ms', String(performance.now() - this.#startedMs));
    return answer;
  }
}
const mortal = (One) => class extends One {
  #state;
  constructor(state, env) {
    super(state, env);
    this.#state = state;
  }
  fetch() {
    this.#state.abort('ended');
  }
};
export const DirectoryObject = mortal(whole.DirectoryObject);
export const RetentionObject = mortal(whole.RetentionObject);
const ended = (call) =>
  call.then(
    () => new Response('the object is still there', { status: 500 }),
    () => new Response('ended'),
  );
export default {
  async fetch(request, env) {
    const [, doing, what] = new URL(request.url).pathname.split('/').slice(1);
    if (doing === 'end') {
      return ended(env[what].get(env[what].idFromName('all')).fetch(request));
    }
    if (doing === 'scheduled') {
      await worker.scheduled({ scheduledTime: Number(what) }, env);
      return new Response('done');
    }
    const [, tenant] = /^\\/test\\/abort\\/(.*)/.exec(new URL(request.url).pathname) ?? [];
    if (tenant === undefined) return worker.fetch(request, env);
    return ended(env.TENANTS.get(env.TENANTS.idFromName(tenant)).fetch(request));
  },
};
`;

/** `GET /test/bucket` answers how often objects called each method of R2 since the last answer. */
export const countedWorker = `
import worker, { TenantObject as Whole } from './cloudflare.js';
export * from './cloudflare.js';
let calls = {};
const counting = (of) => new Proxy(of, {
  get(target, name) {
    const value = target[name];
    if (typeof value !== 'function') return value;
    return async (...args) => {
      calls[name] = (calls[name] ?? 0) + 1;
      const answer = await value.apply(target, args);
      return name === 'createMultipartUpload' ? counting(answer) : answer;
    };
  },
});
export class TenantObject extends Whole {
  constructor(state, env) {
    super(state, { ...env, BUCKET: counting(env.BUCKET) });
  }
}
export default {
  ...worker,
  async fetch(request, env, context) {
    const { pathname } = new URL(request.url);
    if (pathname !== '/test/bucket') return worker.fetch(request, env, context);
    const answer = Response.json(calls);
    calls = {};
    return answer;
  },
};
`;

/**
 * `GET /test/memory` answers the bytes of every WebAssembly memory that is alive in the isolate;
 * they are counted as they are made, before anything of the Worker runs.
 */
export const measuredWorker = `
import { wasmBytes } from './probe.js';
import worker from './cloudflare.js';
export * from './cloudflare.js';
export default {
  ...worker,
  async fetch(request, env, context) {
    const { pathname } = new URL(request.url);
    if (pathname !== '/test/memory') return worker.fetch(request, env, context);
    return Response.json({ wasmBytes: wasmBytes() });
  },
};
`;

export const probeModule = `
const memories = new Set();
const { Memory, Instance } = WebAssembly;
const note = (memory) => memories.add(new WeakRef(memory));
WebAssembly.Memory = class extends Memory {
  constructor(descriptor) {
    super(descriptor);
    note(this);
  }
};
WebAssembly.Instance = class extends Instance {
  constructor(module, imports) {
    super(module, imports);
    for (const each of Object.values(this.exports)) if (each instanceof Memory) note(each);
  }
};
export function wasmBytes() {
  let bytes = 0;
  const seen = new Set();
  for (const reference of memories) {
    const memory = reference.deref();
    if (memory === undefined) memories.delete(reference);
    else seen.add(memory);
  }
  for (const memory of seen) bytes += memory.buffer.byteLength;
  return bytes;
}
`;
