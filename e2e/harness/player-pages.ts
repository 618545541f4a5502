import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

/** Players that run in a browser: where their script is, and how it plays `url` in `media`. Each is told of its errors on the console. */
const players = {
  hls: {
    script: import.meta.resolve('hls.js/dist/hls.min.js'),
    play: `
const player = new Hls({ enableWorker: false });
player.on(Hls.Events.ERROR, (_, { fatal, details }) => fatal && console.error('hls.js', details));
player.loadSource(url);
player.attachMedia(media);`,
  },
  dash: {
    // Beside what it gives to imports is what a page loads.
    script: new URL('../umd/dash.all.min.js', import.meta.resolve('dashjs')).href,
    play: `
const player = dashjs.MediaPlayer().create();
player.on('error', ({ error }) => console.error('dash.js', error.code, error.message));
player.updateSettings({ debug: { logLevel: 0 } });
player.initialize(media, url, false);`,
  },
  shaka: {
    script: import.meta.resolve('shaka-player/dist/shaka-player.compiled.js'),
    play: `
const player = new shaka.Player();
const tell = ({ code, data }) => console.error('shaka', code, JSON.stringify(data));
player.addEventListener('error', ({ detail }) => tell(detail));
player.attach(media).then(() => player.load(url)).catch(tell);`,
  },
} as const;

/** Players as the pages have them. */
type PlayerName = keyof typeof players;

/** Pages of another origin than the edge: a bare player with `window.player` and the element `#media`. */
export interface PlayerPages extends AsyncDisposable {
  /** Address of the page that plays this playlist or manifest. */
  play(player: PlayerName, url: string): string;
}

export async function startPlayerPages(): Promise<PlayerPages> {
  const scripts = new Map<string, Buffer>();
  for (const [name, { script }] of Object.entries(players))
    scripts.set(`/${name}.js`, await readFile(fileURLToPath(script)));
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const script = scripts.get(pathname);
    response.setHeader('content-type', script ? 'text/javascript' : 'text/html; charset=utf-8');
    response.end(script ?? pageOf(pathname.slice(1)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    play: (player, url) => `http://127.0.0.1:${port}/${player}?${new URLSearchParams({ url })}`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function pageOf(name: string): string {
  const player = players[name as PlayerName];
  return `<!doctype html>
<title>${name}</title>
<link rel="icon" href="data:,">
<video id="media" muted></video>
<script src="/${name}.js"></script>
<script>
const url = new URL(location).searchParams.get('url');
const media = document.getElementById('media');${player?.play}
window.player = player;
</script>
`;
}
