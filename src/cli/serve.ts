// `phlox serve`: settings from flags, environment and file, then the server of this runtime.
import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { flagName, resolveSettings, type Settings } from '../config/settings.ts';
import { Failure, messageOf } from '../errors.ts';
import type { Arguments } from './flags.ts';

/** Runs the server until a signal. Resolves to the exit code. */
export async function serveCommand({ flags, words }: Arguments): Promise<number> {
  if (words.length > 0) throw new Failure('invalid', `serve takes no argument, got ${words[0]}`);
  const settings = await loadSettings(flags);
  if ('Bun' in globalThis) {
    const { serveOnBun } = await import('../runtime/bun.ts');
    return serveOnBun(settings);
  }
  if ('Deno' in globalThis) {
    const { serveOnDeno } = await import('../runtime/deno.ts');
    return serveOnDeno(settings);
  }
  throw new Failure('invalid', 'phlox serves on bun or deno, not on this runtime');
}

/** The settings of flags, environment and file. Throws `invalid`. */
export async function loadSettings(given: Arguments['flags']): Promise<Settings> {
  const { [flagName('config')]: configFlag, ...flags } = given;
  const path = configFlag ?? process.env['PHLOX_CONFIG'];
  const file = typeof path === 'string' ? await readConfig(path) : {};
  return resolveSettings({ flags, environment: process.env, file });
}

async function readConfig(path: string): Promise<Record<string, unknown>> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new Failure('invalid', `config file ${path}: ${messageOf(error)}`, { cause: error });
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new Failure('invalid', `config file ${path} is not a json object`);
  }
  return json as Record<string, unknown>;
}
