// Writes src/gen/**/*_pb.ts from the .proto files beside it: `node src/proto/generate.mjs`.
// With --check it changes nothing and fails when a file of src/gen is not what it would write.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const protoFolder = fileURLToPath(new URL('.', import.meta.url));
const genFolder = fileURLToPath(new URL('../gen/', import.meta.url));
const binFolder = fileURLToPath(new URL('../../node_modules/.bin/', import.meta.url));

/** Paths of the generated files below `folder`, sorted. */
function generatedFiles(folder) {
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith('_pb.ts'))
    .sort();
}

function generateInto(folder) {
  execFileSync(join(binFolder, 'buf'), ['generate', '--output', folder], {
    cwd: protoFolder,
    stdio: ['ignore', 'inherit', 'inherit'],
    // buf looks its plugin up on the path.
    env: { ...process.env, PATH: `${binFolder}${delimiter}${process.env['PATH'] ?? ''}` },
  });
}

/** Names of the files that differ, are missing, or should not be there. */
function drift(fresh) {
  const names = new Set([...generatedFiles(fresh), ...generatedFiles(genFolder)]);
  return [...names].filter((name) => read(join(fresh, name)) !== read(join(genFolder, name)));
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

mkdirSync(genFolder, { recursive: true });
const isCheck = process.argv.includes('--check');
const fresh = mkdtempSync(join(tmpdir(), 'phlox-gen-'));
try {
  generateInto(fresh);
  const stale = drift(fresh);
  if (isCheck && stale.length > 0) {
    console.error(`generated code is stale, run node src/proto/generate.mjs: ${stale.join(', ')}`);
    process.exitCode = 1;
  }
  if (!isCheck) {
    for (const name of generatedFiles(genFolder)) rmSync(join(genFolder, name));
    cpSync(fresh, genFolder, { recursive: true });
  }
} finally {
  rmSync(fresh, { recursive: true, force: true });
}
