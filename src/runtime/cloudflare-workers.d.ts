// The part of workerd's own modules that is used here; no package of types is compatible with those
// of the DOM, which the rest is checked against.
// https://developers.cloudflare.com/durable-objects/api/base/
declare module 'cloudflare:workers' {
  /** The bindings of the Worker; which there are, its configuration says. */
  export const env: unknown;

  /** What an object class extends. */
  export class DurableObject {
    constructor(context: unknown, env: unknown);
  }
}
