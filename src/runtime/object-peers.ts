// How the objects of a tenant reach each other: by calls of a method that only code of this Worker
// can make, so that nothing that a client sends is taken for one.
// https://developers.cloudflare.com/workers/runtime-apis/rpc/
import { Failure, messageOf } from '../errors.ts';
import type { Message, Reply, Send } from '../spread/calls.ts';
import type { ObjectStore } from '../spread/home.ts';
import { type Region, regionOf, regions } from '../spread/regions.ts';
import { splitShardName } from '../spread/routing.ts';

/** https://developers.cloudflare.com/durable-objects/api/sqlite-storage-api/#asynchronous-kv-api */
export interface KeyedStorage {
  get(name: string): Promise<unknown>;
  put(name: string, value: unknown): Promise<void>;
  sync(): Promise<void>;
}

/** An object's method that others of this Worker call. */
interface PeerObject {
  answer(message: Message): Promise<Reply>;
}

/** https://developers.cloudflare.com/durable-objects/api/namespace/ */
export interface ObjectNamespace {
  idFromName(name: string): unknown;
  get(
    id: unknown,
    options?: { locationHint: string },
  ): PeerObject & { fetch(request: Request): Promise<Response> };
}

/** Carries calls to objects; one that is made by it is placed where its name says. */
export function sendTo(objects: ObjectNamespace): Send {
  return async (message) => {
    const { suffix } = splitShardName(message.to);
    const isRegion = (regions as readonly string[]).includes(suffix);
    const hint = isRegion ? { locationHint: suffix } : undefined;
    try {
      const object = objects.get(objects.idFromName(message.to), hint);
      return (await object.answer(message as Message)) as Reply<never>;
    } catch (error) {
      // Ended in the middle, or overloaded: nothing was acknowledged.
      const failed = `object ${message.to} is not reachable: ${messageOf(error)}`;
      throw new Failure('unavailable', failed, { cause: error, retryAfterSeconds: 1 });
    }
  };
}

/** What an object keeps for itself beside its log. */
export function objectStore(storage: KeyedStorage): ObjectStore {
  return {
    load: (name) => storage.get(name),
    save: async (name, value) => {
      await storage.put(name, value);
      await storage.sync();
    },
  };
}

/** Where a request comes from, as the network tells; undefined where there is none. */
export function requestRegion(request: Request): Region | undefined {
  const { cf } = request as { cf?: { continent?: unknown; longitude?: unknown } };
  return cf && regionOf(cf);
}
