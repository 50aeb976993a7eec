// The Worker that suites inside workerd run beside: an object with nothing but its storage.
import { DurableObject } from 'cloudflare:workers';

/** Suites reach into it: `runInDurableObject`. */
export class StorageObject extends DurableObject {}

// A Worker's handlers.
export default { fetch: () => new Response('nothing is served here', { status: 404 }) };
