// The package's promises: exact versions, one version everywhere, a lock file in step, and a table
// that says why each dependency is there.
import { describe, expect, it } from 'vitest';
import { version } from '../src/version.ts';
import { pathsBelow, readText } from './tidy/source.ts';

interface Manifest {
  name: string;
  version: string;
  license: string;
  type: string;
  engines: Record<string, string>;
  bin: Record<string, string>;
  exports: Record<string, unknown>;
  files: string[];
  scripts: Record<string, string>;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
}
interface LockedPackage {
  version?: string;
  resolved?: string;
  integrity?: string;
  optional?: boolean;
  optionalDependencies?: Record<string, string>;
}

const manifest: Manifest = JSON.parse(readText('package.json'));
const denoManifest: Record<string, unknown> & { tasks: Record<string, string> } = JSON.parse(
  readText('deno.json'),
);
const lockText = readText('package-lock.json');
const lock: { packages: Record<string, LockedPackage> } & Record<string, unknown> =
  JSON.parse(lockText);
const dependencies = { ...manifest.dependencies, ...manifest.devDependencies };

describe('package.json', () => {
  it('names exact versions only', () => {
    const loose = Object.entries(dependencies).filter(
      ([, range]) => !/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/.test(range),
    );
    expect(loose).toEqual([]);
  });

  it('has the version that the code and deno.json have', () => {
    expect(version).toBe(manifest.version);
    expect(denoManifest['version']).toBe(manifest.version);
  });

  it('has its version in the changelog', () => {
    expect(readText('CHANGELOG.md')).toContain(`## ${manifest.version}`);
  });

  it('is Apache-2.0 in every place that says so', () => {
    expect(manifest.license).toBe('Apache-2.0');
    expect(denoManifest['license']).toBe('Apache-2.0');
    const text = readText('LICENSE');
    expect(text).toContain('Apache License');
    expect(text).toContain('END OF TERMS AND CONDITIONS');
  });

  it('runs where it says: Node 20.19 or newer, ES modules', () => {
    expect(manifest.type).toBe('module');
    expect(manifest.engines).toEqual({ node: '>=20.19' });
  });

  it('ships the build and nothing else', () => {
    expect(manifest.files).toEqual(['dist', 'CHANGELOG.md']);
    expect(Object.keys(manifest.bin)).toEqual(['phlox']);
    const shipped = JSON.stringify([manifest.bin, manifest.exports]).match(/"(\.\/)?dist\//g);
    expect(shipped).toHaveLength(4);
  });

  it('starts servers that get the signals sent to the package manager', () => {
    expect(manifest.scripts['start']).toMatch(/^\w+=\d+ exec bun /);
    expect(denoManifest.tasks['start']).toMatch(/^\.\/node_modules\/\.bin\/deno run /);
    expect(denoManifest['nodeModulesDir']).toBe('manual');
  });

  it('names only scripts and files that exist', () => {
    const words = [...Object.values(manifest.scripts), ...Object.values(denoManifest.tasks)]
      .flatMap((script) => script.split(/\s+/))
      .filter((word) => /^(src|test|wasm|\.ci)\//.test(word));
    expect(words.length).toBeGreaterThan(5);
    // A filter of vitest may be the beginning of a path.
    const paths = ['src', 'test', 'wasm', '.ci'].flatMap((folder) => pathsBelow(folder));
    expect(words.filter((word) => !paths.some((path) => path.startsWith(word)))).toEqual([]);
  });
});

describe('dependencies', () => {
  it('are each explained in the dependency table of ARCHITECTURE.md', () => {
    const text = readText('ARCHITECTURE.md');
    const section = text.slice(text.search(/^## .*dependenc/im));
    const named = (name: string): boolean => {
      const [scope = ''] = name.split('/');
      return section.includes(name) || (scope === '@types' && section.includes('@types'));
    };
    expect(Object.keys(dependencies).filter((name) => !named(name))).toEqual([]);
  });
});

describe('package-lock.json', () => {
  it('is in step with package.json', () => {
    const root = lock.packages[''] as unknown as Manifest;
    expect(root.dependencies).toEqual(manifest.dependencies);
    expect(root.devDependencies).toEqual(manifest.devDependencies);
    expect(root.bin).toEqual(manifest.bin);
    expect(lock['version']).toBe(manifest.version);
    for (const [name, range] of Object.entries(dependencies)) {
      expect(lock.packages[`node_modules/${name}`]?.version, name).toBe(range);
    }
  });

  it('names no registry', () => {
    expect(lockText).not.toContain('"resolved":');
    expect(lockText).not.toContain('.tgz');
    expect(readText('.npmrc')).not.toMatch(/registry|_auth|\/\//);
  });

  it('pins the content of what Linux installs', () => {
    const bare = Object.entries(lock.packages).filter(
      ([path, entry]) => path !== '' && !entry.integrity && !entry.optional,
    );
    expect(bare).toEqual([]);
  });

  it('has the optional packages of every system: npm ci refuses it otherwise', () => {
    const missing = Object.values(lock.packages)
      .flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}))
      .filter((name) => !Object.keys(lock.packages).some((path) => path.endsWith(`/${name}`)));
    expect(missing, 'run npm run lock').toEqual([]);
  });
});
