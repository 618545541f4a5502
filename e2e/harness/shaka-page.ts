import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(import.meta.resolve('shaka-player/dist/shaka-player.compiled.js'));

const page = `<!doctype html>
<title>shaka</title>
<link rel="icon" href="data:,">
<video id="media" muted></video>
<script src="/shaka.js"></script>
<script>
const media = document.getElementById('media');
const player = new shaka.Player();
player.addEventListener('error', ({ detail }) => console.error('shaka', detail.code, JSON.stringify(detail.data)));
player.attach(media)
  .then(() => player.load(new URL(location).searchParams.get('url')))
  .catch((error) => console.error('shaka', error.code, JSON.stringify(error.data)));
</script>
`;

/** A page of another origin that plays with shaka-player. */
export interface ShakaPage extends AsyncDisposable {
  /** Address of the page that plays this playlist or manifest in `#media`. */
  play(url: string): string;
}

export async function startShakaPage(): Promise<ShakaPage> {
  const code = await readFile(script);
  const server = createServer((request, response) => {
    const isScript = request.url === '/shaka.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html; charset=utf-8');
    response.end(isScript ? code : page);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    play: (url) => `http://127.0.0.1:${port}/?${new URLSearchParams({ url })}`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
