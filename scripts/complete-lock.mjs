// Adds to package-lock.json the packages of other platforms that npm left out because the registry it asked does not
// have them. Without them `npm ci` refuses the lock file, here and elsewhere. Run it after an `npm install` that added
// a package with binaries; the repository test says when it is needed.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const file = path.join(import.meta.dirname, '..', 'package-lock.json');
const lock = JSON.parse(readFileSync(file, 'utf8'));
let added = 0;

for (const [holder, { optionalDependencies, dev, peer }] of Object.entries({ ...lock.packages })) {
  for (const [name, version] of Object.entries(optionalDependencies ?? {})) {
    if (isLocked(holder, name) || !/^\d+\.\d+\.\d+/.test(version)) continue;
    const { os, cpu } = platform(name);
    const flags = { ...(dev && { dev }), optional: true };
    lock.packages[`node_modules/${name}`] = { version, cpu, ...flags, os, ...(peer && { peer }) };
    added += 1;
  }
}
lock.packages = Object.fromEntries(
  Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en')),
);
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${added} packages added.`);

/** Where Node would look for a package from its holder's folder. */
function isLocked(holder, name) {
  const parts = holder.split('/node_modules/');
  const places = parts.map(
    (_, index) => `${parts.slice(0, index + 1).join('/node_modules/')}/node_modules/${name}`,
  );
  return [`node_modules/${name}`, ...places].some((place) => Object.hasOwn(lock.packages, place));
}

/** Platform packages carry the platform in their name. */
function platform(name) {
  const known = {
    os: ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32'],
    cpu: ['arm64', 'arm', 'ia32', 'ppc64', 'riscv64', 's390x', 'x64', 'wasm32'],
  };
  const aliases = { aarch64: 'arm64', armv7: 'arm', 'arm-': 'arm' };
  const words = name.split(/[-/@]/).map((word) => aliases[word] ?? word);
  const os = known.os.find((one) => words.includes(one));
  const cpu = known.cpu.find((one) => words.includes(one));
  if (!os || !cpu) throw new Error(`The platform of ${name} is not in its name.`);
  return { cpu: [cpu], os: [os] };
}
