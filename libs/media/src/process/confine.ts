import type { MediaTools } from './tools.ts';

/** What one run may use. */
export interface ProcessLimits {
  /** CPU time of all threads together. */
  readonly cpuSeconds: number;
  /** Address space. */
  readonly memoryBytes: number;
  /** Largest file that it may write. */
  readonly fileSizeBytes: number;
  /** Wall clock; then TERM, and KILL five seconds later. */
  readonly timeoutMs: number;
}

/** Enough to encode a chunk of 1080p60 in all rungs. */
export const defaultProcessLimits: ProcessLimits = {
  cpuSeconds: 3600,
  memoryBytes: 4 * 1024 ** 3,
  fileSizeBytes: 1024 ** 3,
  timeoutMs: 1_800_000,
};

/** What a command is wrapped in. */
export interface Confinement {
  readonly limits: ProcessLimits;
  /** The only files that it may read besides the system's libraries. Enforced where there is bubblewrap. */
  readonly readable: readonly string[];
  /** Device files that it may use, for encoders in hardware. Their drivers map more than any limit of address space allows. */
  readonly devices?: readonly string[] | undefined;
  /** 0–19: how far it stands back for others. */
  readonly niceness?: number;
}

/** Nobody is told of the death of a parent that was dead before: then another one has taken its place. */
const unlessOrphaned = ['/bin/sh', '-c', '[ "$PPID" -eq "$0" ] && exec "$@"', `${process.pid}`];

/**
 * The command line that runs `command` so that it dies with its parent, keeps to its limits and sees nothing but its
 * input: setpriv → sh → prlimit → nice → bubblewrap → command, as far as these exist.
 */
export function confine(
  tools: MediaTools,
  command: readonly string[],
  { limits, readable, devices = [], niceness = 0 }: Confinement,
): string[] {
  return [
    ...(tools.setpriv === undefined ? [] : [tools.setpriv, '--pdeathsig', 'KILL', '--', ...unlessOrphaned]),
    ...(tools.prlimit === undefined
      ? []
      : [
          tools.prlimit,
          `--cpu=${limits.cpuSeconds}`,
          ...(devices.length === 0 ? [`--as=${limits.memoryBytes}`] : []),
          `--fsize=${limits.fileSizeBytes}`,
          '--core=0',
          '--',
        ]),
    ...(niceness > 0 && tools.nice !== undefined ? [tools.nice, '-n', `${niceness}`] : []),
    ...(tools.bubblewrap === undefined ? [] : [tools.bubblewrap, ...bubblewrapArgs(readable, devices)]),
    ...command,
  ];
}

/**
 * A view of the system with the programs and libraries in it, `readable`, no network, no home and no configuration but
 * the links by which Debian chooses libraries.
 */
export function bubblewrapArgs(readable: readonly string[], devices: readonly string[] = []): string[] {
  return [
    ...['--ro-bind', '/usr', '/usr'],
    ...[
      '--ro-bind-try',
      '/lib',
      '/lib',
      '--ro-bind-try',
      '/lib64',
      '/lib64',
      '--ro-bind-try',
      '/bin',
      '/bin',
    ],
    ...['--ro-bind-try', '/etc/alternatives', '/etc/alternatives'],
    ...['--ro-bind-try', '/etc/ld.so.cache', '/etc/ld.so.cache'],
    ...['--proc', '/proc', '--dev', '/dev'],
    ...devices.flatMap((path) => ['--dev-bind-try', path, path]),
    // Drivers look up their device there.
    ...(devices.length === 0 ? [] : ['--ro-bind-try', '/sys', '/sys']),
    ...readable.flatMap((path) => ['--ro-bind', path, path]),
    ...['--unshare-all', '--die-with-parent', '--'],
  ];
}
