import { setTimeout as sleep } from 'node:timers/promises';

/** A variant that a multivariant playlist offers. */
export interface Variant {
  readonly url: string;
  readonly bandwidthBps: number;
}

/** What a media playlist lists. */
export interface MediaPlaylist {
  readonly init: string;
  readonly segments: readonly { readonly url: string; readonly seconds: number }[];
}

/** Asks again and again until it is there, like a player that was told to. Throws when the time is up. */
export async function whenThere(url: string, timeoutMs: number): Promise<string> {
  const deadline = performance.now() + timeoutMs;
  for (let last = ''; ; await sleep(5)) {
    const answer = await fetch(url);
    const text = await answer.text();
    if (answer.ok) return text;
    last = `${answer.status} ${text.slice(0, 300)}`;
    if (performance.now() > deadline) throw new Error(`${url} is still answered with ${last}`);
  }
}

/** All bytes behind an address. Throws unless the answer is 200. */
export async function download(url: string, timeoutMs = 120_000): Promise<Uint8Array> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
  const bytes = await answer.bytes();
  if (!answer.ok)
    throw new Error(
      `${url} is answered with ${answer.status} ${Buffer.from(bytes).toString().slice(0, 300)}`,
    );
  return bytes;
}

/** The variants of a multivariant playlist, from the lowest bandwidth to the highest. */
export function variantsOf(text: string, base: string): Variant[] {
  const found = text.matchAll(/^#EXT-X-STREAM-INF:(.*)\n(?:#.*\n)*([^#\n]+)$/gm);
  const variants = [...found].map(([, attributes = '', uri = '']) => ({
    url: new URL(uri, base).href,
    bandwidthBps: Number(/(?:^|,)BANDWIDTH=(\d+)/.exec(attributes)?.[1] ?? Number.NaN),
  }));
  return variants.toSorted((a, b) => a.bandwidthBps - b.bandwidthBps);
}

/** The segments of a media playlist. */
function playlistOf(text: string, base: string): MediaPlaylist {
  const [, init = ''] = /^#EXT-X-MAP:URI="([^"]+)"/m.exec(text) ?? [];
  const segments = text.matchAll(/^#EXTINF:([\d.]+).*\n(?:#.*\n)*([^#\n]+)$/gm);
  return {
    init: new URL(init, base).href,
    segments: [...segments].map(([, seconds, uri = '']) => ({
      url: new URL(uri, base).href,
      seconds: Number(seconds),
    })),
  };
}

/** The media playlist behind an address. */
export async function mediaPlaylist(url: string): Promise<MediaPlaylist> {
  return playlistOf(Buffer.from(await download(url)).toString(), url);
}
