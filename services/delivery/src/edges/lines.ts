import { connect, type Socket } from 'node:net';

/**
 * A connection to each other edge, over which nothing is sent. It ends at the instant in which the process at its other end does, so that
 * viewers of a dead edge who ask for their route again are not sent there while its lease is still good.
 */
export interface Lines extends AsyncDisposable {
  /** Holds a line to these edges and to no others. */
  keep(edges: readonly { readonly id: string; readonly url: string }[]): void;
  /** Whether a line that was there is broken, and does not come back. False for edges that cannot be reached from here at all. */
  isCut(id: string): boolean;
}

interface Line {
  readonly url: string;
  socket: Socket;
  wasThere: boolean;
  isThere: boolean;
  again?: NodeJS.Timeout;
}

const connectMs = 1_500;
const againMs = 500;

export function createLines(): Lines {
  const lines = new Map<string, Line>();

  function open(line: Line): void {
    const { hostname, port, protocol } = new URL(line.url);
    const host = hostname.replace(/^\[|\]$/g, '');
    const socket = connect({ host, port: Number(port) || (protocol === 'https:' ? 443 : 80) });
    line.socket = socket;
    socket.unref();
    const openedAt = performance.now();
    const late = setTimeout(() => socket.destroy(), connectMs).unref();
    socket.once('connect', () => {
      clearTimeout(late);
      line.isThere = true;
      line.wasThere = true;
    });
    socket.on('error', () => undefined);
    socket.once('close', () => {
      clearTimeout(late);
      const wasLong = line.isThere && performance.now() - openedAt > againMs;
      line.isThere = false;
      if (![...lines.values()].includes(line)) return;
      // A server ends connections over which nothing comes: that one comes back at once.
      if (wasLong) open(line);
      else line.again = setTimeout(() => open(line), againMs).unref();
    });
    // What the other end says, e.g. that it waited too long, is not read by anybody.
    socket.resume();
  }

  function close(id: string, line: Line): void {
    lines.delete(id);
    clearTimeout(line.again);
    line.socket.destroy();
  }

  return {
    isCut(id) {
      const line = lines.get(id);
      return line?.wasThere === true && !line.isThere;
    },
    keep(edges) {
      const wanted = new Map(edges.map(({ id, url }) => [id, url]));
      for (const [id, line] of lines) if (wanted.get(id) !== line.url) close(id, line);
      for (const [id, url] of wanted) {
        if (lines.has(id)) continue;
        const line = { url, wasThere: false, isThere: false } as Line;
        lines.set(id, line);
        open(line);
      }
    },
    async [Symbol.asyncDispose]() {
      for (const [id, line] of lines) close(id, line);
    },
  };
}
