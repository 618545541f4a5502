import { type HttpHandler, pathOf } from '@kerkis/rpc';

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Kerkis</title>
<style>body { font: 1rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem }</style>
<h1>Kerkis</h1>
<p>A media mesh runs here: upload, catalog, transcode and delivery in one process.</p>
<pre>npx kerkis upload film.mp4 --wait ready
npx kerkis asset list</pre>
<ul>
<li><a href="/readyz">/readyz</a>: what it depends on, and whether that works</li>
<li><a href="/healthz">/healthz</a>: whether it is alive</li>
<li><a href="/metrics">/metrics</a>: for Prometheus</li>
<li>/upload/tus: resumable uploads</li>
<li>/play/&lt;playbackId&gt;, /v/&lt;playbackId&gt;/master.m3u8, /v/&lt;playbackId&gt;/manifest.mpd: playback</li>
<li>gRPC, gRPC-Web and Connect on this port, with reflection</li>
</ul>
</html>
`;

/** `/`: tells a person who opens the address what this is. */
export const indexPage: HttpHandler = (req, res) => {
  if (pathOf(req) !== '/' || (req.method !== 'GET' && req.method !== 'HEAD')) return false;
  res.writeHead(200, {
    'content-type': 'text/html; charset=utf-8',
    'content-length': Buffer.byteLength(page),
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
    'cache-control': 'no-cache',
  });
  res.end(req.method === 'HEAD' ? undefined : page);
  return true;
};
