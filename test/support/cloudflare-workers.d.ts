// The part of workerd's own modules that sources and suites use; no package of types is compatible
// with those of the DOM, which the rest is checked against.

declare module 'cloudflare:workers' {
  /** The bindings of the Worker; which there are, its configuration says. */
  export const env: unknown;

  /** What an object class extends. https://developers.cloudflare.com/durable-objects/api/base/ */
  export class DurableObject {
    constructor(context: unknown, env: unknown);
  }
}

declare module 'cloudflare:test' {
  /** Runs `callback` where the object's storage can be reached. */
  export function runInDurableObject<R>(
    stub: unknown,
    callback: (instance: unknown, state: { storage: unknown }) => R | Promise<R>,
  ): Promise<R>;
  /** Ends every object; what they stored stays. */
  export function abortAllDurableObjects(): Promise<void>;
}
