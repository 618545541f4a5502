import { KerkisError } from '@kerkis/errors';
import type { Admit } from '../access/admission.ts';
import { maxBeaconBytes, parseBeacon } from '../beacons/beacon.ts';
import type { BeaconDesk } from '../beacons/desk.ts';
import { type Playback, toPlaying } from '../domain/playback.ts';
import type { Lookup } from '../store/lookup.ts';
import { type Exchange, send, sendJson, whenGone } from './exchange.ts';

/** What taking beacons needs. */
export interface BeaconDependencies {
  readonly playbacks: Lookup<Playback>;
  readonly admit: Admit;
  readonly beacons: BeaconDesk;
}

/** What may be sent to a beacon's path. */
const beaconMethods = 'POST, OPTIONS';

/** Players on other pages may tell as well, with a token in a header. */
const preflight = {
  'access-control-allow-methods': beaconMethods,
  'access-control-allow-headers': 'authorization, content-type, traceparent, tracestate',
  'access-control-max-age': '86400',
  allow: beaconMethods,
} as const;

/** How long a body of a few hundred bytes may take. */
const bodyMs = 5_000;

/** Takes what a player page tells, from whoever may play. Nobody waits for the answer. */
export async function beacon(
  dependencies: BeaconDependencies,
  { playbackId }: { readonly playbackId: string },
  exchange: Exchange,
): Promise<void> {
  const { playbacks, admit, beacons } = dependencies;
  const { req } = exchange;
  if (req.method === 'OPTIONS') return send(exchange, 204, preflight);
  if (req.method !== 'POST') return refuseMethod(exchange);
  if (!beacons.allows(req, Date.now())) {
    beacons.count('limited');
    return refuseRate(exchange);
  }
  try {
    const playback = await playbacks.get(playbackId);
    await admit(playback, exchange);
    const playing = toPlaying(playback);
    beacons.told(playing, parseBeacon(await bodyOf(exchange)));
  } catch (caught) {
    beacons.count('refused');
    throw caught;
  }
  beacons.count('taken');
  send(exchange, 204, { 'cache-control': 'no-store' });
}

/** `too_large` BEACON_TOO_LARGE, `invalid` BEACON_INVALID, `cancelled`. */
async function bodyOf(exchange: Exchange): Promise<string> {
  const { req } = exchange;
  if (Number(req.headers['content-length'] ?? 0) > maxBeaconBytes) throw tooLarge(exchange);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const signal = AbortSignal.any([whenGone(exchange), AbortSignal.timeout(bodyMs)]);
  const late = () => void req.destroy();
  signal.addEventListener('abort', late, { once: true });
  try {
    for await (const chunk of req as AsyncIterable<Uint8Array>) {
      bytes += chunk.byteLength;
      if (bytes > maxBeaconBytes) throw tooLarge(exchange);
      chunks.push(chunk);
    }
  } catch (caught) {
    if (signal.aborted) throw new KerkisError('cancelled', 'CANCELLED', 'The beacon did not arrive.');
    throw caught;
  } finally {
    signal.removeEventListener('abort', late);
  }
  return Buffer.concat(chunks).toString();
}

/** What is left of the body is not read: the connection ends with the answer. */
function tooLarge({ req, res }: Exchange): KerkisError {
  if (req.httpVersionMajor < 2) res.setHeader('connection', 'close');
  return new KerkisError('too_large', 'BEACON_TOO_LARGE', `A beacon has at most ${maxBeaconBytes} bytes.`);
}

function refuseRate(exchange: Exchange): void {
  const body = {
    kind: 'exhausted',
    reason: 'BEACON_RATE_EXCEEDED',
    message: 'There were too many beacons lately. Send fewer; nothing is lost but figures.',
  };
  sendJson(exchange, 429, body, { 'retry-after': '10', ...endOfConnection(exchange) });
}

function refuseMethod(exchange: Exchange): void {
  const body = {
    kind: 'unsupported',
    reason: 'METHOD_NOT_ALLOWED',
    message: `Beacons can only be sent: ${beaconMethods}.`,
  };
  sendJson(exchange, 405, body, { allow: beaconMethods });
}

function endOfConnection({ req }: Exchange): { connection?: string } {
  return req.httpVersionMajor < 2 ? { connection: 'close' } : {};
}
