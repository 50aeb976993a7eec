// Adds to package-lock.json the optional packages of other systems that npm left out of it, as it
// does when it could not load them or when it starts from an installed node_modules. Without them
// `npm ci` refuses the lock file on every machine. Run it after `npm install`: `npm run lock`.
import { readFileSync, writeFileSync } from 'node:fs';

const path = new URL('../package-lock.json', import.meta.url);
const systems = ['darwin', 'win32', 'android', 'freebsd', 'openharmony', 'linux'];
const processors = { arm64: 'arm64', x64: 'x64', armv7: 'arm', 'arm-': 'arm', ia32: 'ia32' };
const rareProcessors = { ppc64: 'ppc64', riscv64: 'riscv64', s390x: 's390x' };

/** True when npm would find `name` from the package installed at `from`. */
function isInstalled(packages, from, name) {
  const folders = [...from.matchAll(/\/node_modules\//g)].map(({ index }) => from.slice(0, index));
  return ['', ...folders, from].some(
    (folder) => packages[`${folder === '' ? '' : `${folder}/`}node_modules/${name}`] !== undefined,
  );
}

/** What the lock file must say for npm to pass the package over on other systems. */
function entryOf(name, version, isDev) {
  const os = systems.find((each) => name.includes(each));
  const cpu = Object.entries({ ...processors, ...rareProcessors }).find(([each]) =>
    name.includes(each),
  )?.[1];
  if (os === undefined || cpu === undefined || !/^\d/.test(version)) {
    throw new Error(`cannot tell the system of ${name} ${version}: add it to the lock by hand`);
  }
  const libc = /musl|glibc|gnu/.exec(name)?.[0].replace('gnu', 'glibc');
  return {
    version,
    cpu: [cpu],
    ...(isDev ? { dev: true } : {}),
    ...(os === 'linux' && libc !== undefined ? { libc: [libc] } : {}),
    optional: true,
    os: [os],
  };
}

const lock = JSON.parse(readFileSync(path, 'utf8'));
const added = [];
for (const [from, entry] of Object.entries({ ...lock.packages })) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (isInstalled(lock.packages, from, name)) continue;
    lock.packages[`node_modules/${name}`] = entryOf(name, version, entry.dev === true);
    added.push(name);
  }
}
const { '': root, ...rest } = lock.packages;
const sorted = Object.entries(rest).sort(([a], [b]) => a.localeCompare(b, 'en'));
lock.packages = { '': root, ...Object.fromEntries(sorted) };
writeFileSync(path, `${JSON.stringify(lock, undefined, 2)}\n`);
console.info(`packages added to package-lock.json: ${added.join(', ') || 'none'}`);
