// The part of workerd's own modules that sources and suites use; no package of types is compatible
// with those of the DOM, which the rest is checked against.
declare module 'cloudflare:workers' {
  /** The bindings of the Worker; which there are, its configuration says. */
  export const env: unknown;
}
