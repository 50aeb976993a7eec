// Builds the head kernel: `node wasm/build.mjs` writes src/gen/head.wasm, `--check` fails when the
// file on disk is not what the sources give, `--text FILE` also writes the text format.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import asc from 'assemblyscript/asc';

const folder = dirname(fileURLToPath(import.meta.url));
const target = join(folder, '..', 'src', 'gen', 'head.wasm');
/** Room on the edge is small, and a head that grows past this has gained a second job. */
const bytesMax = 48 * 1024;
const gzipBytesMax = 16 * 1024;

const options = [
  ['-O3', '--shrinkLevel', '1', '--noAssert', '--uncheckedBehavior', 'always'],
  ['--runtime', 'stub', '--enable', 'simd'],
  // The host makes the memory, and so sets its maximum; it is zero when the module starts.
  ['--importMemory', '--zeroFilledMemory', '--initialMemory', '2'],
  // Nothing here throws, so nothing is imported for it.
  ['--use', 'abort='],
].flat();

async function compile() {
  let binary;
  let text;
  const stderr = [];
  const { error } = await asc.main(
    ['index.ts', '--outFile', 'head.wasm', '--textFile', 'head.wat', ...options],
    {
      stdout: { write: () => true },
      stderr: { write: (line) => stderr.push(String(line)) },
      readFile: (name, base) => {
        try {
          return readFileSync(join(folder, base === '.' ? '' : base, name), 'utf8');
        } catch (cause) {
          // The compiler probes for several names; a missing one is an answer, not an error.
          if (cause.code === 'ENOENT' || cause.code === 'EISDIR') return null;
          throw cause;
        }
      },
      writeFile: (name, contents) => {
        if (name.endsWith('.wasm')) binary = Buffer.from(contents);
        else text = String(contents);
      },
      listFiles: () => [],
    },
  );
  if (error) throw new Error(`${stderr.join('')}${error.message}`);
  return { binary, text };
}

const { binary, text } = await compile();
const textAt = process.argv.indexOf('--text');
if (textAt > 0) writeFileSync(process.argv[textAt + 1], text);
if (!process.argv.includes('--check')) writeFileSync(target, binary);
else if (!readFileSync(target).equals(binary)) {
  throw new Error('src/gen/head.wasm differs from its sources: run node wasm/build.mjs');
}
const imports = WebAssembly.Module.imports(new WebAssembly.Module(binary));
if (imports.length !== 1 || imports[0].kind !== 'memory') {
  throw new Error(`head.wasm may import its memory only: ${JSON.stringify(imports)}`);
}
const gzipBytes = gzipSync(binary, { level: 9 }).length;
console.log(`head.wasm: ${binary.length} bytes, ${gzipBytes} gzipped`);
if (binary.length > bytesMax || gzipBytes > gzipBytesMax) {
  throw new Error(`head.wasm is over its bound of ${bytesMax} bytes, ${gzipBytesMax} gzipped`);
}
