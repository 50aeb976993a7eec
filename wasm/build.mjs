// Builds the two modules of a kernel: `node wasm/build.mjs` writes src/gen/head.wasm and
// src/gen/query.wasm, `--check` fails when a file on disk is not what the sources give, `--text
// FOLDER` also writes the text format. `--guarded FOLDER` writes modules that trap when memory was
// written out of bounds (`guards.ts`) there instead, for tests.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import asc from 'assemblyscript/asc';

const folder = dirname(fileURLToPath(import.meta.url));
/** Room on the edge is small, and a module that grows past this has gained a second job. */
const bytesMax = 48 * 1024;
const gzipBytesMax = 16 * 1024;

const modules = [
  { name: 'head', entry: 'index.ts', imports: ['env.memory'] },
  {
    name: 'query',
    entry: 'query/index.ts',
    imports: ['env.memory', 'head.allocate', 'head.columns', 'head.keys', 'head.release'],
  },
];

const options = [
  ['-O3', '--shrinkLevel', '1', '--noAssert', '--uncheckedBehavior', 'always'],
  ['--runtime', 'stub', '--enable', 'simd'],
  // The host makes the memory, and so sets its maximum; it is zero when the head module starts.
  ['--importMemory', '--zeroFilledMemory', '--initialMemory', '2'],
  // Nothing here throws, so nothing is imported for it.
  ['--use', 'abort='],
].flat();

function read(name, base) {
  try {
    return readFileSync(join(folder, base === '.' ? '' : base, name), 'utf8');
  } catch (cause) {
    // The compiler probes for several names; a missing one is an answer, not an error.
    if (cause.code === 'ENOENT' || cause.code === 'EISDIR') return null;
    throw cause;
  }
}

async function compile({ name, entry }, isGuarded) {
  let binary;
  let text;
  const stderr = [];
  const constants = { QUERY_MODULE: name === 'query', GUARDED: isGuarded };
  const uses = Object.entries(constants).flatMap(([key, is]) => ['--use', `${key}=${is ? 1 : 0}`]);
  // With names of functions, so that a trap's stack says where.
  if (isGuarded) uses.push('--debug');
  const { error } = await asc.main(
    [entry, '--outFile', `${name}.wasm`, '--textFile', `${name}.wat`, ...options, ...uses],
    {
      stdout: { write: () => true },
      stderr: { write: (line) => stderr.push(String(line)) },
      readFile: read,
      writeFile: (path, contents) => {
        if (path.endsWith('.wasm')) binary = Buffer.from(contents);
        else text = String(contents);
      },
      listFiles: () => [],
    },
  );
  if (error) throw new Error(`${stderr.join('')}${error.message}`);
  return { binary, text };
}

/** Two modules on one memory: only one may have data, and only its reset is known. */
function checkStateless(name, text) {
  const found = /^ *\((?:data|start|global \S+(?: \(export "[^"]*"\))? \(mut)\b.*$/m.exec(text);
  if (found) throw new Error(`${name}.wasm has state of its own: ${found[0].trim()}`);
}

function check({ name, imports }, binary, text) {
  const found = WebAssembly.Module.imports(new WebAssembly.Module(binary));
  const names = found.map((each) => `${each.module}.${each.name}`).toSorted();
  if (names.some((each) => !imports.includes(each)) || found.at(0) === undefined) {
    throw new Error(`${name}.wasm may import ${imports.join(', ')}, imports ${names.join(', ')}`);
  }
  if (name === 'query') checkStateless(name, text);
  const gzipBytes = gzipSync(binary, { level: 9 }).length;
  console.log(`${name}.wasm: ${binary.length} bytes, ${gzipBytes} gzipped`);
  if (binary.length > bytesMax || gzipBytes > gzipBytesMax) {
    throw new Error(`${name}.wasm is over its bound of ${bytesMax} bytes, ${gzipBytesMax} gzipped`);
  }
}

const textAt = process.argv.indexOf('--text');
async function buildShipped(module) {
  const { binary, text } = await compile(module, false);
  const file = `${module.name}.wasm`;
  const target = join(folder, '..', 'src', 'gen', file);
  if (textAt > 0) writeFileSync(join(process.argv[textAt + 1], `${module.name}.wat`), text);
  if (!process.argv.includes('--check')) writeFileSync(target, binary);
  else if (!readFileSync(target).equals(binary)) {
    throw new Error(`src/gen/${file} differs from its sources: run node wasm/build.mjs`);
  }
  check(module, binary, text);
}

async function buildGuarded({ name, entry }, target) {
  const module = { name, entry: name === 'head' ? 'guarded.ts' : entry };
  writeFileSync(join(target, `${name}.wasm`), (await compile(module, true)).binary);
}

const guardedAt = process.argv.indexOf('--guarded');
if (guardedAt > 0) mkdirSync(process.argv[guardedAt + 1], { recursive: true });
for (const module of modules) {
  if (guardedAt > 0) await buildGuarded(module, process.argv[guardedAt + 1]);
  else await buildShipped(module);
}
