import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { toolPath } from '@kerkis/tools';
import type { Shape, Target } from './targets.ts';

/** What a server did under load. */
export interface Load {
  readonly requestsPerSecond: number;
  readonly p99Ms: number;
  /** Answers that were not 2xx, and connections that broke. */
  readonly errors: number;
}

/** How it is asked. */
export interface LoadOptions {
  readonly target: Target;
  readonly shape: Shape;
  readonly isSecure?: boolean;
  readonly connections: number;
  readonly seconds: number;
  /** Requests a second of all connections together. Default: as many as it answers. */
  readonly rate?: number;
  /** The CPU of the client. */
  readonly cpu: number;
  readonly directory: string;
}

/** What Chromium sends for a segment from a page, besides Host. */
const browserHeaders = {
  Connection: 'keep-alive',
  'sec-ch-ua': '"Chromium";v="140", "Not=A?Brand";v="24"',
  'sec-ch-ua-mobile': '?0',
  'User-Agent':
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  Accept: '*/*',
  'Sec-Fetch-Site': 'same-origin',
  'Sec-Fetch-Mode': 'cors',
  Referer: 'https://edge.example/play/pbk_0123456789abcdef0123456789abcdef',
  'Accept-Encoding': 'gzip, deflate, br, zstd',
  'Accept-Language': 'en-GB,en;q=0.9',
} as const;

const rangeBytes = 256 * 1024;

/** Runs wrk against a server. */
export async function load(options: LoadOptions): Promise<Load> {
  const { target, shape, connections, seconds, cpu, directory, isSecure = false } = options;
  const script = join(directory, 'requests.lua');
  await writeFile(script, lua(target, shape, options.rate && (connections / options.rate) * 1000));
  const url = (isSecure ? target.secureUrl : target.url) ?? target.url;
  const wrk = [toolPath('wrk', process.env), '--threads', '1', '--timeout', '20s'];
  const how = ['--connections', `${connections}`, '--duration', `${seconds}s`, '--script', script, url];
  const { stdout } = await promisify(execFile)('taskset', ['--cpu-list', `${cpu}`, ...wrk, ...how]);
  const line = stdout.split('\n').find((text) => text.startsWith('RESULT '));
  if (!line) throw new Error(`wrk said nothing: ${stdout}`);
  const [requests = 0, microseconds = 1, p99 = 0, errors = 0] = line.split(' ').slice(1).map(Number);
  return { requestsPerSecond: requests / (microseconds / 1e6), p99Ms: p99 / 1000, errors };
}

function lua(target: Target, shape: Shape, pauseMs: number | undefined): string {
  const kind = shape === '1 KiB' ? 'list' : shape === '100 KiB' ? 'small' : 'large';
  const ranges = shape === '256 KiB range' ? [0, 1, 2, 3, 4, 5, 6, 7] : [undefined];
  const requests = target.paths[kind].flatMap((path) =>
    ranges.map((part) => {
      const range = part === undefined ? '' : `bytes=${part * rangeBytes}-${(part + 1) * rangeBytes - 1}`;
      return `{${JSON.stringify(path)}, ${JSON.stringify(range)}}`;
    }),
  );
  const headers = Object.entries(browserHeaders).map(
    ([name, value]) => `wrk.headers[${JSON.stringify(name)}] = ${JSON.stringify(value)}`,
  );
  return `${headers.join('\n')}
local wanted = {${requests.join(', ')}}
local requests = {}
init = function()
  for index, want in ipairs(wanted) do
    local headers = {}
    for name, value in pairs(wrk.headers) do headers[name] = value end
    if want[2] ~= "" then headers["Range"] = want[2] end
    requests[index] = wrk.format("GET", want[1], headers)
  end
end
local at = 0
request = function()
  at = at % #requests + 1
  return requests[at]
end
${pauseMs === undefined ? '' : `delay = function() return math.floor(math.random() * ${(2 * pauseMs).toFixed(3)} + 0.5) end`}
done = function(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  print(string.format("RESULT %d %d %d %d", summary.requests, summary.duration, latency:percentile(99), failed))
end
`;
}
