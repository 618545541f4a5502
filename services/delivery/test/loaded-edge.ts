// For bench/edge.ts: the delivery service as a process of its own, with media of exact sizes in its memory, a signed playback ID and a catalog in the same
// process. Says where it serves on standard output, one line of JSON, then its resident memory at each line that it reads; ends with its
// standard input.
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { newId } from '@kerkis/ids';
import { generationOf, startEdge } from './edge-fixture.ts';
import { addKey, publishSigned } from './signed.ts';

const [certFile = '', keyFile = ''] = process.argv.slice(2);
const objectsOfSize = 8;
const tracks = { small: 100 * 1024, large: 2 * 1024 * 1024 } as const;

function track(name: string, count: number) {
  return {
    name: `video/${name}`,
    kind: 'video' as const,
    codec: 'avc1.64001f',
    timescale: 90_000,
    // Hardly two segments are equally long, so that playlists do not shrink to nothing.
    segments: Array.from({ length: count }, (_, index) => ({
      count: 1,
      duration: 360_000 + ((index * 7919) % 977),
    })),
    peakBandwidthBps: 1_000_000,
    averageBandwidthBps: 1_000_000,
    video: { width: 1280, height: 720, frameRate: { num: 25, den: 1 } },
  };
}

await using edge = await startEdge({
  config: 'delivery: {memoryCacheBytes: 512MiB, manifestTtlSeconds: 60}',
  server: { secure: { certFile, keyFile, port: 0 } },
});
const key = await addKey(edge);

/** As long as a playlist of a track of so many segments is on its way to a browser. */
async function published(playlistSegments: number) {
  const names = Object.keys(tracks).map((name) => track(name, objectsOfSize));
  const presentation = { durationMs: 4_000_000, tracks: [...names, track('list', playlistSegments)] };
  const generation = generationOf(presentation, newId('ast'));
  const signed = publishSigned(edge, generation, key);
  const token = await signed.sign({ expiresInSeconds: 86_400 });
  const list = `${signed.base}/video/list/media.m3u8?token=${token}`;
  const { body } = await edge.get(list, { 'accept-encoding': 'gzip, deflate, br, zstd' });
  return { generation, base: signed.base, token, list, listBytes: body };
}

let segments = 40;
let found = await published(segments);
for (let attempt = 0; attempt < 12 && Math.abs(found.listBytes.length - 1024) > 24; attempt++) {
  segments = Math.max(1, Math.round(segments * (1 + (1024 / found.listBytes.length - 1) * 1.2)));
  found = await published(segments);
}
const { generation, base, token, list, listBytes } = found;
const paths: { small: string[]; large: string[] } = { small: [], large: [] };
for (const name of ['small', 'large'] as const) {
  for (let number = 1; number <= objectsOfSize; number++) {
    const bytes = Buffer.alloc(tracks[name], `${name} ${number} of no media at all `);
    await edge.store.put(`media/${generation.assetId}/${generation.id}/video/${name}/${number}.m4s`, bytes);
    const path = `${base}/video/${name}/${number}.m4s?token=${token}`;
    await edge.get(path);
    paths[name].push(path);
  }
}
const targets = {
  port: edge.port,
  securePort: edge.server.securePort ?? 0,
  list,
  listBytes: listBytes.toString('base64'),
  ...paths,
};
process.stdout.write(`${JSON.stringify(targets)}\n`);
const asked = createInterface({ input: process.stdin });
asked.on('line', () => {
  // What is only waiting to be collected is no cost of a reader.
  globalThis.gc?.();
  process.stdout.write(`${process.memoryUsage.rss()}\n`);
});
await once(asked, 'close');
