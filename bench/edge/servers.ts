import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort, waitUntil } from '@kerkis/testing';
import { toolPath } from '@kerkis/tools';
import type { KerkisTargets, Target } from './targets.ts';

/** Where files of the bench are, and the CPU of the servers. */
export interface Surroundings {
  readonly directory: string;
  readonly cpu: number;
  readonly certFile: string;
  readonly keyFile: string;
}

/** Makes a certificate for all of them. */
export function surroundings(directory: string, cpu: number): Surroundings {
  const [keyFile, certFile] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  const request = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
  ];
  execFileSync('openssl', [...request, '-subj', '/CN=localhost', '-keyout', keyFile, '-out', certFile], {
    stdio: 'ignore',
  });
  return { directory, cpu, certFile, keyFile };
}

/** Starts the delivery service, and says what it serves and, when asked, what memory it has after a collection. */
export async function startKerkis(
  around: Surroundings,
): Promise<{ target: Target; told: KerkisTargets; settledBytes: () => Promise<number> }> {
  const main = join(import.meta.dirname, '../../services/delivery/test/loaded-edge.ts');
  const child = pinned(
    around,
    process.execPath,
    ['--expose-gc', main, around.certFile, around.keyFile],
    ['pipe', 'pipe', 'inherit'],
  );
  const ended = once(child, 'exit').then(() => {
    throw new Error('The delivery service of the bench ended before it served.');
  });
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const [line] = await Promise.race([once(lines, 'line'), ended]);
  ended.catch(() => undefined);
  const told: KerkisTargets = JSON.parse(line);
  const target = {
    ...running('kerkis', child),
    url: `http://127.0.0.1:${told.port}`,
    secureUrl: `https://127.0.0.1:${told.securePort}`,
    paths: { list: [told.list], small: told.small, large: told.large },
  };
  const settledBytes = async () => {
    child.stdin?.write('\n');
    return Number((await once(lines, 'line'))[0]);
  };
  return { target, told, settledBytes };
}

const filePaths = {
  list: ['/list.m3u8'],
  small: Array.from({ length: 8 }, (_, index) => `/small-${index + 1}.m4s`),
  large: Array.from({ length: 8 }, (_, index) => `/large-${index + 1}.m4s`),
};

/** Puts what the others serve into a folder: files of the same sizes. */
export async function writeFiles({ directory }: Surroundings, told: KerkisTargets): Promise<string> {
  const root = join(directory, 'files');
  await mkdir(root);
  await writeFile(join(root, 'list.m3u8'), Buffer.from(told.listBytes, 'base64'));
  for (const path of filePaths.small) await writeFile(join(root, path), Buffer.alloc(100 * 1024, path));
  for (const path of filePaths.large) await writeFile(join(root, path), Buffer.alloc(2 * 1024 * 1024, path));
  return root;
}

/** nginx before an origin with its usual settings, or files with the best ones. */
export async function startNginx(
  around: Surroundings,
  root: string,
  kind: 'usual' | 'best' | 'best without sendfile',
): Promise<Target> {
  const { certFile, keyFile } = around;
  const [port, securePort, originPort] = [await freePort(), await freePort(), await freePort()];
  const folder = join(around.directory, `nginx-${port}`);
  await mkdir(folder);
  const listen = `listen 127.0.0.1:${port}; listen 127.0.0.1:${securePort} ssl; ssl_certificate ${certFile}; ssl_certificate_key ${keyFile};`;
  const served =
    kind === 'usual'
      ? `proxy_cache_path ${folder}/cache keys_zone=edge:10m max_size=1g;
         server { ${listen}
           location / { proxy_pass http://127.0.0.1:${originPort}; proxy_cache edge; proxy_cache_key $uri; proxy_cache_valid 200 1h;
             add_header Cache-Control "public, max-age=31536000, immutable"; add_header Access-Control-Allow-Origin *; } }
         server { listen 127.0.0.1:${originPort}; root ${root}; }`
      : `open_file_cache max=1000; server { ${listen} root ${root};
           add_header Cache-Control "public, max-age=31536000, immutable"; add_header Access-Control-Allow-Origin *; }`;
  const isSendfile = kind === 'best';
  const config = join(folder, 'nginx.conf');
  await writeFile(
    config,
    `daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;${process.getuid?.() === 0 ? ' user root;' : ''}
     worker_rlimit_nofile 20000; events { worker_connections 8192; }
     http { access_log off; types { video/mp4 m4s; application/vnd.apple.mpegurl m3u8; } keepalive_requests 100000000;
       sendfile ${isSendfile ? 'on' : 'off'}; tcp_nopush ${isSendfile ? 'on' : 'off'};
       client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
       uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi; ${served} }`,
  );
  const child = pinned(around, toolPath('nginx', process.env), [
    '-c',
    config,
    '-p',
    folder,
    '-e',
    join(folder, 'error.log'),
  ]);
  return await ready({
    ...running(`nginx, ${kind}`, child),
    url: `http://127.0.0.1:${port}`,
    secureUrl: `https://127.0.0.1:${securePort}`,
    paths: filePaths,
  });
}

/** Varnish before an origin. */
export async function startVarnish(around: Surroundings, origin: Target): Promise<Target> {
  const port = await freePort();
  const folder = join(around.directory, 'varnish');
  await mkdir(folder);
  const { hostname, port: originPort } = new URL(origin.url);
  await writeFile(
    join(folder, 'edge.vcl'),
    `vcl 4.1; backend default { .host = "${hostname}"; .port = "${originPort}"; }`,
  );
  const child = pinned(around, toolPath('varnishd', process.env), [
    ...['-F', '-n', join(folder, 'work'), '-a', `127.0.0.1:${port}`, '-f', join(folder, 'edge.vcl')],
    // Another user could not enter the folder.
    ...['-j', 'none', '-s', 'malloc,512m', '-p', 'default_ttl=3600'],
  ]);
  return await ready({ ...running('varnish', child), url: `http://127.0.0.1:${port}`, paths: filePaths });
}

/** Caddy with files. */
export async function startCaddy(around: Surroundings, root: string): Promise<Target> {
  const [port, securePort] = [await freePort(), await freePort()];
  const config = join(around.directory, 'Caddyfile');
  await writeFile(
    config,
    `{\n admin off\n auto_https off\n}\n:${port} {\n root * ${root}\n file_server\n}\nhttps://localhost:${securePort}, https://127.0.0.1:${securePort} {\n tls ${around.certFile} ${around.keyFile}\n root * ${root}\n file_server\n}\n`,
  );
  const child = pinned(around, toolPath('caddy', process.env), [
    'run',
    '--config',
    config,
    '--adapter',
    'caddyfile',
  ]);
  return await ready({
    ...running('caddy', child),
    url: `http://127.0.0.1:${port}`,
    secureUrl: `https://127.0.0.1:${securePort}`,
    paths: filePaths,
  });
}

function pinned(
  { cpu, directory }: Surroundings,
  command: string,
  args: readonly string[],
  stdio: ('pipe' | 'ignore' | 'inherit')[] = ['ignore', 'ignore', 'ignore'],
): ChildProcess {
  const env = { ...process.env, GOMAXPROCS: '1', XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory };
  // Together with those that they start.
  return spawn('taskset', ['--cpu-list', `${cpu}`, command, ...args], { env, stdio });
}

function running(
  name: string,
  child: ChildProcess,
): Pick<Target, 'name' | 'pid' | typeof Symbol.asyncDispose> {
  return {
    name,
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      if (child.stdin) child.stdin.end();
      else child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Every path was answered once. */
async function ready(target: Target): Promise<Target> {
  const [first = '/'] = target.paths.list;
  await waitUntil(async () => (await fetch(target.url + first).catch(() => undefined))?.ok === true, {
    what: target.name,
    timeoutMs: 20_000,
  });
  for (const path of Object.values(target.paths).flat()) await (await fetch(target.url + path)).arrayBuffer();
  return target;
}
