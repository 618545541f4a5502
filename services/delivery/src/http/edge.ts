import { KerkisError, toKerkisError } from '@kerkis/errors';
import { type FastHandler, type HttpHandler, pathOf, traceRequest } from '@kerkis/rpc';
import type { ServiceTelemetry } from '@kerkis/telemetry';
import { trace } from '@opentelemetry/api';
import { belongsToEdge, type EdgePath, parseEdgePath, routePatterns } from '../domain/edge-path.ts';
import type { EdgeTable } from '../edges/edge-table.ts';
import type { DeliveryObserver } from '../observe.ts';
import { type BeaconDependencies, beacon } from './beacon.ts';
import { allowedMethods, commonHeaders, licensePreflight, preflightHeaders } from './common-headers.ts';
import { type Exchange, send, sendFailure, sendJson } from './exchange.ts';
import { clearKey, contentKey, type KeyDependencies } from './keys.ts';
import { type ManifestDependencies, manifest } from './manifest.ts';
import { asset, type PlayerDependencies, player } from './player.ts';
import { createRecall, type Recall, type RecallOptions } from './recall.ts';
import { route } from './route.ts';
import { type SegmentDependencies, segment } from './segment.ts';
import { type StoredFileDependencies, sendStoredFile } from './stored-file.ts';
import { type StoryboardDependencies, storyboard } from './storyboard.ts';

import { type ThumbnailDependencies, thumbnail } from './thumbnail.ts';

/** What the edge stands on. */
export interface EdgeDependencies
  extends SegmentDependencies,
    ManifestDependencies,
    StoredFileDependencies,
    StoryboardDependencies,
    KeyDependencies,
    ThumbnailDependencies,
    PlayerDependencies,
    BeaconDependencies {
  readonly edges: Pick<EdgeTable, 'route'>;
  readonly objects: StoredFileDependencies['objects'] & RecallOptions['objects'];
  readonly playbacks: PlayerDependencies['playbacks'] & RecallOptions['playbacks'];
  readonly manifests: ManifestDependencies['manifests'];
  readonly corsOrigins: readonly string[];
  readonly telemetry: Pick<ServiceTelemetry, 'tracer'>;
  readonly observer: DeliveryObserver;
}

/** What is unavailable without anything being wrong. */
const expected: ReadonlySet<string> = new Set([
  'ASSET_NOT_PLAYABLE_YET',
  'SEGMENT_NOT_READY_IN_TIME',
  'PICTURE_NOT_READY_IN_TIME',
]);

/** How the edge answers: the handler of everything below `/v`, `/play` and `/route`, and before it what it remembers. */
export function createEdge(dependencies: EdgeDependencies): { http: HttpHandler; fast: FastHandler } {
  const headersFor = commonHeaders(dependencies.corsOrigins);
  const recall = createRecall({ ...dependencies, headersFor });
  return { http: edgeHandler(dependencies, headersFor, recall.keep), fast: recall.answer };
}

function edgeHandler(
  given: EdgeDependencies,
  headersFor: ReturnType<typeof commonHeaders>,
  keep: Recall['keep'],
): HttpHandler {
  const { telemetry, observer } = given;
  const views = new WeakMap<Exchange, Awaited<ReturnType<EdgeDependencies['view']>>>();
  const dependencies: EdgeDependencies = {
    ...given,
    view: async (to, exchange) => {
      const viewed = await given.view(to, exchange);
      views.set(exchange, viewed);
      return viewed;
    },
  };
  return async (req, res) => {
    const path = pathOf(req);
    if (!belongsToEdge(path)) return false;
    const to = parseEdgePath(path);
    const pattern = to ? routePatterns[to.kind] : `/${path.split('/', 2)[1]}/{unknown}`;
    const startedAt = performance.now();
    const query = new URLSearchParams(req.url?.slice(path.length + 1));
    const exchange: Exchange = {
      req,
      res,
      query,
      commonHeaders: headersFor(req),
      sentBytes: 0,
      keep(sent) {
        const viewed = views.get(this);
        if (viewed) keep(this, viewed, sent);
      },
    };
    await traceRequest(telemetry, pattern, req, res, async () => {
      if (to && 'playbackId' in to) trace.getActiveSpan()?.setAttribute('kerkis.playback.id', to.playbackId);
      try {
        await answer(dependencies, to, exchange);
      } catch (caught) {
        const error = toKerkisError(caught);
        if (error.mapping.httpStatus >= 500 && !expected.has(error.reason)) {
          const playbackId = to && 'playbackId' in to ? to.playbackId : undefined;
          observer.failed({ route: pattern, playbackId, error });
        }
        if (error.kind === 'cancelled') res.statusCode = error.mapping.httpStatus;
        sendFailure(exchange, error);
      }
    });
    observer.answered({
      route: pattern,
      method: methodName(req.method),
      status: res.statusCode,
      durationMs: performance.now() - startedAt,
      bytes: exchange.sentBytes,
    });
    return true;
  };
}

function answer(
  dependencies: EdgeDependencies,
  to: EdgePath | undefined,
  exchange: Exchange,
): Promise<void> | void {
  if (!to) throw new KerkisError('not_found', 'PATH_NOT_FOUND', 'There is nothing at this path.');
  const { method } = exchange.req;
  if (to.kind === 'beacon') return beacon(dependencies, to, exchange);
  if (to.kind === 'clearkey') {
    return method === 'OPTIONS'
      ? send(exchange, 204, licensePreflight)
      : clearKey(dependencies, to, exchange);
  }
  if (method === 'OPTIONS') return send(exchange, 204, preflightHeaders);
  if (method !== 'GET' && method !== 'HEAD') return refuseMethod(exchange);
  switch (to.kind) {
    case 'master':
    case 'mpd':
    case 'media':
    case 'iframes':
      return manifest(dependencies, to, exchange);
    case 'init':
    case 'segment':
      return segment(dependencies, to, exchange);
    case 'key':
      return contentKey(dependencies, to, exchange);
    case 'thumbnail':
      return thumbnail(dependencies, to, exchange);
    case 'storyboard':
      return storyboard(dependencies, to, exchange);
    case 'poster':
    case 'waveform':
    case 'sprite':
    case 'text':
    case 'download':
      return sendStoredFile(dependencies, to, exchange);
    case 'player':
      return player(dependencies, to, exchange);
    case 'asset':
      return asset(to, exchange);
    case 'route':
      return route(dependencies.edges, to, exchange);
  }
}

function refuseMethod(exchange: Exchange): void {
  const body = {
    kind: 'unsupported',
    reason: 'METHOD_NOT_ALLOWED',
    message: `This can only be read: ${allowedMethods}.`,
  };
  sendJson(exchange, 405, body, { allow: allowedMethods });
}

/** Unknown methods are one in metrics. */
function methodName(method = ''): string {
  return ['GET', 'HEAD', 'OPTIONS', 'POST'].includes(method) ? method : '_OTHER';
}
