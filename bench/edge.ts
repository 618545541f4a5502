import { parseArgs } from 'node:util';
import { tempDir } from '@kerkis/testing';
import { installDebianPackages } from '../scripts/setup/debian.ts';
import { type Load, load } from './edge/load.ts';
import { residentBytes, slowloris, stalledReaderBytes } from './edge/protection.ts';
import {
  startCaddy,
  startKerkis,
  startNginx,
  startVarnish,
  surroundings,
  writeFiles,
} from './edge/servers.ts';
import { type Shape, shapes, type Target } from './edge/targets.ts';
import { median, type Report, verdict } from './harness/table.ts';

/** At least so many times the requests a second of nginx with its usual settings. */
const aims: Readonly<Record<Shape, { plain: number; secure: number }>> = {
  '1 KiB': { plain: 0.75, secure: 0.7 },
  '100 KiB': { plain: 1.5, secure: 1.0 },
  '2 MiB': { plain: 1.5, secure: 1.05 },
  '256 KiB range': { plain: 1.2, secure: 1.0 },
};
const serverCpu = 0;
const clientCpu = 1;

/** The edge against nginx, Varnish and Caddy, one CPU for the server and one for the client. */
export async function edge(args: readonly string[]): Promise<Report> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      runs: { type: 'string' },
      seconds: { type: 'string' },
      connections: { type: 'string' },
      quick: { type: 'boolean', default: false },
    },
  });
  const { quick } = values;
  const runs = Number(values.runs ?? (quick ? 1 : 3));
  const seconds = Number(values.seconds ?? (quick ? 1 : 4));
  const connections = (values.connections ?? (quick ? '64' : '16,100,1000')).split(',').map(Number);
  await installDebianPackages(['wrk', 'nginx', 'varnishd', 'caddy'], { optional: [] });

  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await tempDir('bench-edge')).path;
  const around = surroundings(directory, serverCpu);
  const client = { directory, cpu: clientCpu };
  const { target: kerkis, told, settledBytes } = await startKerkis(around);
  stack.use(kerkis);
  const root = await writeFiles(around, told);
  const usual = stack.use(await startNginx(around, root, 'usual'));
  const best = stack.use(await startNginx(around, root, 'best'));
  const plain = stack.use(await startNginx(around, root, 'best without sendfile'));
  const varnish = stack.use(await startVarnish(around, plain));
  const caddy = stack.use(await startCaddy(around, root));
  const all = [kerkis, usual, best, plain, varnish, caddy];

  const errors = new Map<string, number>();
  async function measured(
    target: Target,
    options: Omit<Parameters<typeof load>[0], 'target' | 'cpu' | 'directory'>,
  ): Promise<Load> {
    const result = await load({ target, ...client, ...options });
    errors.set(target.name, (errors.get(target.name) ?? 0) + result.errors);
    return result;
  }

  /** Each server in turn, again and again: what else happens on the machine meets all of them. */
  async function inTurn(
    targets: readonly Target[],
    shape: Shape,
    count: number,
    isSecure: boolean,
  ): Promise<Map<Target, number[]>> {
    const rates = new Map<Target, number[]>(targets.map((target) => [target, []]));
    for (let run = 0; run < runs; run++) {
      for (const target of targets) {
        const { requestsPerSecond } = await measured(target, {
          shape,
          connections: count,
          seconds,
          isSecure,
        });
        rates.get(target)?.push(requestsPerSecond);
      }
    }
    return rates;
  }

  const rows: (string | number)[][] = [];
  const secureRows: (string | number)[][] = [];
  for (const count of connections) {
    for (const shape of shapes) {
      const rates = await inTurn(all, shape, count, false);
      const rate = (target: Target) => median(rates.get(target) ?? []);
      const ratio = rate(kerkis) / rate(usual);
      const toBest = rate(kerkis) / Math.max(rate(usual), rate(best), rate(plain));
      rows.push([count, shape, ...all.map(rate), ratio, verdict(ratio, aims[shape].plain, 'least'), toBest]);

      const secureTargets = [kerkis, usual, caddy];
      const secure = await inTurn(secureTargets, shape, count, true);
      const secureRate = (target: Target) => median(secure.get(target) ?? []);
      const secureRatio = secureRate(kerkis) / secureRate(usual);
      secureRows.push([
        count,
        shape,
        ...secureTargets.map(secureRate),
        secureRatio,
        verdict(secureRatio, aims[shape].secure, 'least'),
      ]);
    }
  }

  const delays: (string | number)[][] = [];
  for (const [shape, rate] of [
    ['1 KiB', 4000],
    ['100 KiB', 1500],
    ['2 MiB', 100],
  ] as const) {
    const [own, nginx] = [[], []] as [number[], number[]];
    for (let run = 0; run < runs; run++) {
      const options = { shape, connections: 64, seconds: seconds + 1, rate };
      own.push((await measured(kerkis, options)).p99Ms);
      nginx.push((await measured(usual, options)).p99Ms);
    }
    const ratio = median(own) / median(nginx);
    delays.push([shape, rate, median(own), median(nginx), ratio, verdict(ratio, 1.5)]);
  }

  const sockets = 2000;
  const slow = await slowloris(kerkis, client, { sockets, seconds: quick ? 3 : 20 });
  const slowRatio = slow.during.p99Ms / slow.before.p99Ms;
  const readers = 300;
  const stalledBytes = await stalledReaderBytes(kerkis, settledBytes, readers);
  const million = quick ? 100_000 : 1_000_000;
  await measured(kerkis, { shape: '1 KiB', connections: 100, seconds: 5 });
  const beforeBytes = residentBytes(kerkis.pid);
  let asked = 0;
  while (asked < million) {
    const each = await measured(kerkis, { shape: '1 KiB', connections: 100, seconds: 10 });
    asked += each.requestsPerSecond * 10;
  }
  const grownBytes = residentBytes(kerkis.pid) - beforeBytes;

  const mib = (bytes: number) => bytes / 2 ** 20;
  return {
    title: `The edge on one CPU, ${connections.join(', ')} connections that are kept, a browser's eleven headers`,
    tables: [
      {
        columns: [
          'connections',
          'requests/s',
          ...all.map(({ name }) => name),
          'kerkis / usual',
          'aim',
          'kerkis / best',
        ],
        rows,
      },
      {
        columns: [
          'connections',
          'requests/s, TLS',
          'kerkis',
          'nginx, usual',
          'caddy',
          'kerkis / usual',
          'aim',
        ],
        rows: secureRows,
      },
      {
        columns: ['p99 at equal load', 'requests/s', 'kerkis ms', 'nginx, usual ms', 'ratio', 'aim'],
        rows: delays,
      },
      {
        columns: ['protection', 'before', 'with', 'ratio or difference', 'aim'],
        rows: [
          [
            `p99 ms of viewers while ${sockets} sockets send heads byte by byte (${slow.opened} opened)`,
            slow.before.p99Ms,
            slow.during.p99Ms,
            slowRatio,
            verdict(slowRatio, 2),
          ],
          [
            `KiB of a reader who does not read, of ${readers}`,
            '',
            '',
            stalledBytes / 1024,
            verdict(stalledBytes / 1024, 5),
          ],
          [
            `resident MiB before and after ${Math.round(asked).toLocaleString('en')} requests`,
            mib(beforeBytes),
            mib(beforeBytes + grownBytes),
            mib(grownBytes),
            verdict(mib(grownBytes), 16),
          ],
          ...all.map((target) => [
            `resident MiB of ${target.name}, without its children`,
            '',
            '',
            mib(residentBytes(target.pid)),
            '',
          ]),
        ],
      },
    ],
    remarks: [
      `Median of ${runs} runs of ${seconds} s, the servers in turn. Kerkis checks a token at every request, the others check nothing.`,
      'nginx, usual: proxy_cache, sendfile off, tcp_nopush off. Best: files, open_file_cache, sendfile and tcp_nopush on, or sendfile off; the better one of the three counts.',
      `Answers that failed: ${[...errors].map(([name, count]) => `${name} ${count}`).join(', ')}.`,
    ],
  };
}
