// What a user interface keeps on the server: named texts, in one file `settings.json` of a tenant's
// folder: { "version": 1, "settings": [{ "name", "value", "modifiedMs" }] }, sorted by name.
// Reading creates nothing. A change replaces the file as a whole and is durable when it resolves.
import * as v from 'valibot';
import type { Bucket } from '../bucket/bucket.ts';
import { Failure, isFailure, messageOf } from '../errors.ts';
import { compareUtf8 } from '../lib/compare-utf8.ts';

export interface Setting {
  name: string;
  value: string;
  /** Milliseconds since the epoch, as the client has it. */
  modifiedMs: number;
}

/** Its key in a tenant's folder. */
export const settingsFileName = 'settings.json';

const fileVersion = 1;
// Grafana's app keeps one setting of a few hundred bytes.
const settingsMax = 100;
const nameBytesMax = 256;
const valueBytesMax = 64 * 1024;

const schema = v.object({
  version: v.literal(fileVersion),
  settings: v.array(
    v.object({
      name: v.string(),
      value: v.string(),
      modifiedMs: v.pipe(v.number(), v.safeInteger()),
    }),
  ),
});

/** The settings of all tenants. */
export class TenantSettings {
  readonly #folderOf: (tenant: string) => Bucket;
  /** The last change of each tenant that is under way: changes wait for each other. */
  readonly #changes = new Map<string, Promise<unknown>>();

  constructor(folderOf: (tenant: string) => Bucket) {
    this.#folderOf = folderOf;
  }

  /** Sorted by name; none for a tenant that never set one. Throws `corrupt`. */
  async get(tenant: string): Promise<Setting[]> {
    let bytes: Uint8Array;
    try {
      bytes = await this.#folderOf(tenant).get(settingsFileName);
    } catch (error) {
      if (isFailure(error, 'missing')) return [];
      throw error;
    }
    return parseSettings(bytes);
  }

  /**
   * Stores the setting in place of one of the same name. Answers false, and stores nothing, when
   * the stored one is newer. Throws `invalid` for what is over a bound.
   */
  async set(tenant: string, setting: Setting): Promise<boolean> {
    validate(setting);
    return this.#change(tenant, (settings) => {
      const stored = settings.find(({ name }) => name === setting.name);
      if (stored !== undefined && stored.modifiedMs > setting.modifiedMs) return undefined;
      const others = settings.filter(({ name }) => name !== setting.name);
      if (others.length >= settingsMax) {
        throw new Failure('invalid', `tenant has ${others.length} settings, limit ${settingsMax}`);
      }
      return [...others, setting].sort((a, b) => compareUtf8(a.name, b.name));
    });
  }

  /** Deleting what is not there is no error, and creates nothing. */
  async delete(tenant: string, name: string): Promise<void> {
    if (name === '') throw new Failure('invalid', 'name of a setting is empty');
    await this.#change(tenant, (settings) => {
      const others = settings.filter((setting) => setting.name !== name);
      return others.length === settings.length ? undefined : others;
    });
  }

  /** Stores what `edit` answers, if anything; true when it was stored. */
  #change(tenant: string, edit: (settings: Setting[]) => Setting[] | undefined): Promise<boolean> {
    const before = this.#changes.get(tenant) ?? Promise.resolve();
    const change = async () => {
      const settings = edit(await this.get(tenant));
      if (settings === undefined) return false;
      await this.#folderOf(tenant).put(settingsFileName, encodeSettings(settings));
      return true;
    };
    // Whoever came before tells its own caller of its failure.
    const running = before.then(change, change);
    this.#changes.set(tenant, running);
    const forget = () => {
      if (this.#changes.get(tenant) === running) this.#changes.delete(tenant);
    };
    return running.finally(forget);
  }
}

function validate({ name, value, modifiedMs }: Setting): void {
  if (name === '') throw new Failure('invalid', 'name of a setting is empty');
  assertBytes('name of a setting', name, nameBytesMax);
  assertBytes(`setting ${JSON.stringify(name)}`, value, valueBytesMax);
  if (!Number.isSafeInteger(modifiedMs)) {
    throw new Failure('invalid', `modifiedAt is ${modifiedMs}, not a time in milliseconds`);
  }
}

function assertBytes(what: string, text: string, bytesMax: number): void {
  const { byteLength } = new TextEncoder().encode(text);
  if (byteLength > bytesMax) {
    throw new Failure('invalid', `${what} is ${byteLength} bytes, limit ${bytesMax}`);
  }
}

function encodeSettings(settings: readonly Setting[]): Uint8Array {
  const text = JSON.stringify({ version: fileVersion, settings }, undefined, 2);
  return new TextEncoder().encode(`${text}\n`);
}

/** Throws `corrupt` for another version and for what is no such file. */
function parseSettings(bytes: Uint8Array): Setting[] {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new Failure('corrupt', `${settingsFileName}: ${messageOf(error)}`, { cause: error });
  }
  const result = v.safeParse(schema, json);
  if (result.success) return result.output.settings;
  const [issue] = result.issues;
  const place = v.getDotPath(issue) ?? 'it';
  throw new Failure('corrupt', `${settingsFileName}: ${place}: ${issue.message}`);
}
