// `phlox keys`: makes keys, lists and revokes them. Owns the one moment at which a key is seen: it
// is printed, its digest is stored, and nobody can tell it again.

import {
  everyTenant,
  formatKey,
  holdsKey,
  type KeyEntry,
  keyBytes,
  keyId,
  type Scope,
  scopes,
} from '../auth/keys.ts';
import { anonymousTenant, validateTenant } from '../auth/tenant.ts';
import { environmentName } from '../config/settings.ts';
import { Failure } from '../errors.ts';
import { toHex } from '../lib/hex.ts';
import { sha256 } from '../runtime/sha256.ts';
import type { Command } from './command.ts';
import type { Arguments } from './flags.ts';
import { editKeys, readKeys } from './keys-file.ts';
import { type Output, printable } from './output.ts';
import { textFlag } from './query-flags.ts';
import { loadSettings } from './serve.ts';
import { type Column, headLine, rowLine } from './table.ts';

const help = `usage: phlox keys [list] [--json]
       phlox keys add [--tenant NAME] [--scopes LIST] [--name TEXT]
       phlox keys revoke KEY

Keys let clients in. 'add' makes one and prints it, this once: the file has only
its digest. A running server reads the file again within a second or two.

  --tenant NAME  whom the key acts for, ${anonymousTenant} by default; '*' is all tenants
  --scopes LIST  of push, query, admin, joined by commas; push by default
  --name TEXT    for people: which agent, which person
  --file FILE    the file of keys, instead of that of the settings
  --config FILE  settings to take the file from

KEY is the id or the name that the list shows. No scope includes another.

exit code: 0, or 1 when there is no such key
`;

const nameCharsMax = 100;

export const keysCommand: Command = {
  help,
  switches: ['--json'],
  valued: ['--tenant', '--scopes', '--name', '--file', '--config'],
  wordsMax: 2,
  async run({ words, flags }, output) {
    const [verb = 'list', which] = words;
    const path = await keysPath(flags);
    if (verb === 'revoke') return revoke(path, which, output);
    if (which !== undefined) throw new Failure('invalid', `keys ${verb} takes no argument`);
    if (verb === 'add') return add(path, flags, output);
    if (verb === 'list') return list(path, flags['--json'] === true, output);
    const shown = JSON.stringify(printable(verb));
    throw new Failure('invalid', `keys ${shown} is not known, use list, add or revoke`);
  },
};

async function keysPath(flags: Arguments['flags']): Promise<string> {
  const given = textFlag(flags, '--file');
  if (given !== undefined) return given;
  const config = textFlag(flags, '--config');
  const { keys } = await loadSettings(config === undefined ? {} : { '--config': config });
  if (keys === undefined) {
    const hint = `set ${environmentName('keys')} or use --file`;
    throw new Failure('invalid', `no file of keys is named: ${hint}`);
  }
  if (keys.startsWith('[')) {
    throw new Failure('invalid', 'the setting keys is a list itself, put it into a file');
  }
  if (holdsKey(keys)) throw new Failure('invalid', 'the setting keys is a key, not a file');
  return keys;
}

async function add(path: string, flags: Arguments['flags'], output: Output): Promise<number> {
  const key = formatKey(crypto.getRandomValues(new Uint8Array(keyBytes)));
  const name = nameFlag(flags);
  const entry: KeyEntry = {
    sha256: toHex(sha256(new TextEncoder().encode(key))),
    tenant: tenantOf(flags),
    scopes: scopesOf(flags),
    ...(name !== undefined && { name }),
  };
  await editKeys(path, (entries) => {
    if (entries.some((one) => name !== undefined && one.name === name)) {
      throw new Failure('invalid', `there is a key with the name ${JSON.stringify(name)}`);
    }
    return [...entries, entry];
  });
  await output.line(key);
  const about = `key ${keyId(entry)} of tenant ${entry.tenant} for ${entry.scopes.join(', ')}`;
  // Not among the results: those may go into a file or a variable.
  await output.problem(`${about}: shown this once, its digest is in ${printable(path)}`);
  return 0;
}

function tenantOf(flags: Arguments['flags']): string {
  const tenant = textFlag(flags, '--tenant') ?? anonymousTenant;
  validateTenant(tenant);
  return tenant;
}

function scopesOf(flags: Arguments['flags']): Scope[] {
  const given = (textFlag(flags, '--scopes') ?? 'push').split(',').map((word) => word.trim());
  const odd = given.find((word) => !scopes.some((scope) => scope === word));
  if (odd !== undefined) {
    const shown = JSON.stringify(printable(odd));
    throw new Failure('invalid', `scope ${shown} is not one of ${scopes.join(' ')}`);
  }
  return scopes.filter((scope) => given.includes(scope));
}

function nameFlag(flags: Arguments['flags']): string | undefined {
  const name = textFlag(flags, '--name');
  if (name === undefined) return undefined;
  if (name === '' || name.length > nameCharsMax || holdsKey(name) || printable(name) !== name) {
    throw new Failure('invalid', `--name is not 1 to ${nameCharsMax} plain characters`);
  }
  return name;
}

async function revoke(path: string, which: string | undefined, output: Output): Promise<number> {
  if (which === undefined) throw new Failure('invalid', 'keys revoke needs the id or the name');
  // Somebody may have the key in the clipboard; it is in a history by now, but not in a log.
  if (holdsKey(which)) throw new Failure('invalid', 'that is a key, use its id or its name');
  let gone: KeyEntry | undefined;
  await editKeys(path, (entries) => {
    gone = entries.find((one) => one.name === which || keyId(one) === which.toLowerCase());
    if (gone === undefined) {
      throw new Failure('missing', `there is no key ${JSON.stringify(printable(which))}`);
    }
    return entries.filter((one) => one !== gone);
  });
  await output.line(`revoked ${which}`);
  return 0;
}

const columns: readonly Column[] = [
  { title: 'id', width: 12 },
  { title: 'tenant', width: 20 },
  { title: 'scopes', width: 16 },
  { title: 'name', width: 28 },
];

async function list(path: string, isJson: boolean, output: Output): Promise<number> {
  const entries = await readKeys(path);
  const shown = entries.map((entry) => ({
    id: keyId(entry),
    tenant: entry.tenant,
    scopes: entry.scopes,
    name: entry.name ?? '',
  }));
  if (isJson) {
    await output.line(JSON.stringify({ keys: shown }));
    return 0;
  }
  await output.line(headLine(columns));
  for (const { id, tenant, scopes: may, name } of shown) {
    const isAll = tenant === everyTenant ? '* (all)' : tenant;
    await output.line(rowLine(columns, [id, isAll, may.join(','), name]));
  }
  return 0;
}
