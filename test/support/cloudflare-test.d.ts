// The part of the test runner's module inside workerd that suites use.
declare module 'cloudflare:test' {
  /** Runs `callback` where the object's storage can be reached. */
  export function runInDurableObject<R>(
    stub: unknown,
    callback: (instance: unknown, state: { storage: unknown }) => R | Promise<R>,
  ): Promise<R>;
  /** Ends every object; what they stored stays. */
  export function abortAllDurableObjects(): Promise<void>;
}
