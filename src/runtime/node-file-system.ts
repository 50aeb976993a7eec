// The local disk of Bun, Deno and Node: their `node:fs/promises` as it is.
import * as fs from 'node:fs/promises';
import type { FileSystem } from '../lib/file-system.ts';

export const nodeFileSystem: FileSystem = fs;
