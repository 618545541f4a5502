import type { ServerHttp2Session } from 'node:http2';

/** HTTP/2 connections on which nothing is asked for. */
export interface IdleSessions {
  /** Looks at a connection until it closes. */
  watch(session: ServerHttp2Session): void;
  /** Ends some of those that were idle the longest, and says how many. */
  makeRoom(): number;
}

/** Who was idle for less may be about to ask. */
const minIdleMs = 1000;
const roomFraction = 0.05;

export function createIdleSessions(): IdleSessions {
  /** When each became idle, ms since the epoch, in that order. */
  const since = new Map<ServerHttp2Session, number>();
  return {
    watch(session) {
      let streams = 0;
      since.set(session, Date.now());
      session.on('stream', (stream) => {
        streams += 1;
        since.delete(session);
        stream.once('close', () => {
          streams -= 1;
          if (streams === 0 && !session.closed) since.set(session, Date.now());
        });
      });
      session.once('close', () => since.delete(session));
    },
    makeRoom() {
      const untilMs = Date.now() - minIdleMs;
      const idle = [...since].filter(([, sinceMs]) => sinceMs < untilMs);
      const going = idle.slice(0, Math.ceil(idle.length * roomFraction));
      for (const [session] of going) {
        since.delete(session);
        session.close();
      }
      return going.length;
    },
  };
}
