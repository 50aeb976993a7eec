// Builds `dist/`, what the package ships: the `phlox` command, the library's edge, the files both
// read at run time, and type declarations. Node and Deno refuse .ts inside node_modules, hence a
// build. Runs on `npm pack`; dependencies stay imports.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../', import.meta.url));
const source = join(root, 'src');
const target = join(root, 'dist');

const assetUrl = /new URL\(\s*'(\.{1,2}\/[^']+)'\s*,\s*import\.meta\.url\s*,?\s*\)/g;
/** Finding an installed package works from anywhere inside this one. */
const harmless = /import\.meta\.resolve\(\s*'[^.']|createRequire\(import\.meta\.url\)/g;
const comment = /\/\/.*$|\/\*[\s\S]*?\*\//gm;
/** The launcher starts its own file again: the build keeps that one name. */
const selfNaming = ['cli/launch.ts'];

/** Copies a file of `src` to the same place in `dist` and answers its address from any bundle. */
function ship(path) {
  const place = relative(source, path);
  if (place.startsWith('..')) throw new Error(`${path} is outside src: the package would lack it`);
  mkdirSync(dirname(join(target, place)), { recursive: true });
  cpSync(path, join(target, place));
  return `new URL('./${place.replaceAll('\\', '/')}', import.meta.url)`;
}

/**
 * Files read beside the code: `new URL('../gen/head.wasm', import.meta.url)`. All bundles lie flat
 * in `dist`, so every such address is rewritten to start there, and the file goes along.
 */
const assets = {
  name: 'assets',
  setup(builder) {
    builder.onLoad({ filter: /\.ts$/ }, ({ path }) => {
      if (!path.startsWith(source)) return undefined;
      const text = readFileSync(path, 'utf8');
      const contents = text.replaceAll(assetUrl, (_all, address) =>
        ship(resolve(dirname(path), address)),
      );
      const rest = text.replaceAll(assetUrl, '').replaceAll(harmless, '').replaceAll(comment, '');
      const name = relative(source, path).replaceAll('\\', '/');
      if (/import\.meta\b/.test(rest) && !selfNaming.includes(name)) {
        throw new Error(`${name} uses import.meta in a way that the build cannot keep`);
      }
      return { contents, loader: 'ts' };
    });
  },
};

rmSync(target, { recursive: true, force: true });
await build({
  entryPoints: { cli: join(source, 'cli/launch.ts'), index: join(source, 'package.ts') },
  outdir: target,
  bundle: true,
  splitting: true,
  chunkNames: '[name]-[hash]',
  format: 'esm',
  platform: 'node',
  target: 'es2024',
  packages: 'external',
  external: ['bun:*', 'cloudflare:*'],
  legalComments: 'none',
  logLevel: 'warning',
  plugins: [assets],
});
chmodSync(join(target, 'cli.js'), 0o755);
cpSync(join(source, 'sql'), join(target, 'sql'), {
  recursive: true,
  filter: (path) => !path.endsWith('.ts'),
});
const tsc = join(root, 'node_modules/typescript/bin/tsc');
execFileSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json')], {
  stdio: 'inherit',
});
