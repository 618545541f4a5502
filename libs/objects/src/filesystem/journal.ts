import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { storage, unless } from './errors.ts';
import { directoryOf } from './multipart-directory.ts';
import { type JournalLine, noPlaces, type Places, parseLine, takeLine } from './places.ts';
import { type Root, syncDirectory } from './root.ts';

/** The journal of one multipart upload: which parts lie at their places in its body. */
export interface Journal {
  /** What it says now. */
  read(): Promise<Places>;
  /**
   * Adds a line, and waits for the disk when asked to. False when the upload is gone. Lines of several processes do not mix: each
   * is one write to the end of the file.
   */
  append(line: JournalLine, options?: { readonly sync?: boolean }): Promise<boolean>;
}

/** Journals by upload id. What was read of them is remembered: they only grow. */
export interface Journals {
  of(uploadId: string): Journal;
  forget(uploadId: string): void;
}

const maxRemembered = 256;
const appendFlags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;

/** Journals of the uploads below a root. */
export function createJournals(root: Root): Journals {
  const remembered = new Map<string, Journal>();
  return {
    of(uploadId) {
      const journal = remembered.get(uploadId) ?? openJournal(join(root, directoryOf(uploadId), 'journal'));
      remembered.delete(uploadId);
      remembered.set(uploadId, journal);
      const [oldest] = remembered.keys();
      if (remembered.size > maxRemembered && oldest !== undefined) remembered.delete(oldest);
      return journal;
    },
    forget: (uploadId) => void remembered.delete(uploadId),
  };
}

function openJournal(path: string): Journal {
  const places = noPlaces();
  let readBytes = 0;
  let inTurn: Promise<unknown> = Promise.resolve();
  let isNameSynced = false;

  async function readOn(): Promise<Places> {
    const handle = await unless(['ENOENT'], open(path, constants.O_RDONLY | constants.O_NOFOLLOW));
    if (handle === undefined) return places;
    try {
      const { size } = await handle.stat();
      const fresh = Buffer.alloc(Math.max(0, size - readBytes));
      const { bytesRead } = await handle.read(fresh, 0, fresh.length, readBytes);
      // The line behind the last break may still be on its way.
      const whole = fresh.subarray(0, bytesRead).lastIndexOf(0x0a) + 1;
      readBytes += whole;
      for (const text of fresh.toString('utf8', 0, whole).split('\n')) {
        const line = parseLine(text);
        if (line) takeLine(places, line);
      }
      return places;
    } finally {
      await handle.close();
    }
  }

  return {
    read() {
      const turn = inTurn.then(() => storage(readOn));
      inTurn = turn.catch(() => undefined);
      return turn;
    },

    async append(line, { sync = false } = {}) {
      return await storage(async () => {
        const handle = await unless(['ENOENT'], open(path, appendFlags, 0o644));
        if (handle === undefined) return false;
        try {
          // What a crash left of the line before ends here.
          await handle.writeFile(`\n${JSON.stringify(line)}\n`);
          if (sync) {
            await handle.sync();
            if (!isNameSynced) await syncDirectory(dirname(path));
            isNameSynced = true;
          }
        } finally {
          await handle.close();
        }
        return true;
      });
    },
  };
}
