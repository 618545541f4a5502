/** A program that `go build` makes from a module's pinned version. */
export interface GoModule {
  /** Module path, e.g. `github.com/nats-io/nats-server/v2`. */
  readonly path: string;
  /** Exact version, e.g. `v2.10.0`. */
  readonly version: string;
  /** Package of the program inside the module, e.g. `./cmd/server`. */
  readonly main: string;
  /** Build tags. */
  readonly tags?: readonly string[];
  /** Files that the build embeds and the module's archive does not hold: path in the module → content. */
  readonly files?: Readonly<Record<string, string>>;
}

/** An external program: how it is called, and what provides it. */
export interface Tool {
  /** File name on PATH; absent when only our own pinned build will do. */
  readonly command?: string;
  /** File name in the cache directory, with the version; absent when it never is there. */
  readonly cachedAs?: string;
  /** Debian package that holds it, and others that it needs to be of use, split by spaces. */
  readonly debianPackage?: string;
  /** Another tool that does the same. */
  readonly substitute?: 'nats-server-current';
  /** Go module that it is built from. */
  readonly goModule?: GoModule;
  /** What Kerkis wants it for, for a person who lacks it. */
  readonly purpose: string;
}

/** A tool built from a pinned version of a Go module. */
function built(name: string, purpose: string, goModule: GoModule) {
  return { cachedAs: `${name}-${goModule.version}`, purpose, goModule };
}

/** Every external program that Kerkis or its tests start. */
export const tools = {
  ffmpeg: { command: 'ffmpeg', debianPackage: 'ffmpeg', purpose: 'encodes video and audio' },
  ffprobe: { command: 'ffprobe', debianPackage: 'ffmpeg', purpose: 'examines uploaded files' },
  setpriv: {
    command: 'setpriv',
    debianPackage: 'util-linux',
    purpose: 'lets child processes end with their parent',
  },
  prlimit: {
    command: 'prlimit',
    debianPackage: 'util-linux',
    purpose: 'caps CPU, memory and file size of ffmpeg',
  },
  bwrap: {
    command: 'bwrap',
    debianPackage: 'bubblewrap',
    purpose: 'keeps ffmpeg away from network and files',
  },
  'nats-server': {
    command: 'nats-server',
    cachedAs: 'nats-server-debian',
    debianPackage: 'nats-server',
    substitute: 'nats-server-current',
    purpose: 'wakes up services (JetStream)',
  },
  mpv: { command: 'mpv', debianPackage: 'mpv', purpose: 'plays the results in tests' },
  'gst-play-1.0': {
    command: 'gst-play-1.0',
    debianPackage: 'gstreamer1.0-plugins-base-apps gstreamer1.0-plugins-good gstreamer1.0-libav',
    purpose: 'plays the results in tests',
  },
  chromium: { command: 'chromium', debianPackage: 'chromium', purpose: 'plays the results in tests' },
  wrk: { command: 'wrk', debianPackage: 'wrk', purpose: 'loads web servers in benches' },
  nginx: { command: 'nginx', debianPackage: 'nginx-light', purpose: 'is what the edge is measured against' },
  varnishd: {
    command: 'varnishd',
    debianPackage: 'varnish',
    purpose: 'is what the edge is measured against',
  },
  caddy: { command: 'caddy', debianPackage: 'caddy', purpose: 'is what the edge is measured against' },
  'nats-server-current': built('nats-server', 'tests against a current NATS', {
    path: 'github.com/nats-io/nats-server/v2',
    version: 'v2.15.2',
    main: '.',
  }),
  ferretdb: built('ferretdb', 'speaks the MongoDB protocol in tests', {
    path: 'github.com/FerretDB/FerretDB',
    version: 'v1.24.2',
    main: './cmd/ferretdb',
    tags: ['ferretdb_no_postgresql'],
    // It refuses to start without this file, which its own release process generates.
    files: { 'build/version/version.txt': 'v1.24.2\n' },
  }),
  versitygw: built('versitygw', 'is the S3 server of tests', {
    path: 'github.com/versity/versitygw',
    version: 'v1.8.0',
    main: './cmd/versitygw',
  }),
  jaeger: built('jaeger', 'keeps and shows traces; optional', {
    // The program of Jaeger 2.13, which its authors tag as v1.76.0 too for the sake of Go's module rules.
    path: 'github.com/jaegertracing/jaeger',
    version: 'v1.76.0',
    main: './cmd/jaeger',
  }),
} as const satisfies Record<string, Tool>;

/** Name of an external program in {@link tools}. */
export type ToolName = keyof typeof tools;
