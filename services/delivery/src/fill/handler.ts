import type { IncomingMessage, ServerResponse } from 'node:http';
import { toKerkisError } from '@kerkis/errors';
import { type HttpHandler, pathOf, traceRequest } from '@kerkis/rpc';
import type { ServiceTelemetry } from '@kerkis/telemetry';
import type { Wanted } from '../cache/origin.ts';
import { blockBytes, maxWholeBytes, type Piece } from '../cache/piece.ts';
import { blockOfRange, keyOfFill, proofHeader, sizeHeader } from './messages.ts';
import type { FillAnswer, FillRequest, Seal } from './seal.ts';

/** What a fill is answered from. */
export interface FillDependencies {
  /** A piece from here or the store. Never from another edge: who is asked does not ask on, so that nothing goes round. */
  readonly here: (wanted: Wanted) => Promise<Piece>;
  readonly seal: Seal;
  readonly telemetry: Pick<ServiceTelemetry, 'tracer'>;
}

/** Gives other edges what belongs to this one. To everybody else there is nothing at these paths. */
export function fillHandler({ here, seal, telemetry }: FillDependencies): HttpHandler {
  return async (req, res) => {
    const key = req.method === 'GET' ? keyOfFill(pathOf(req)) : undefined;
    const authorization = req.headers.authorization;
    if (key === undefined || authorization === undefined) return false;
    const request: FillRequest = {
      path: req.url ?? '',
      range: req.headers.range ?? '',
      isFresh: req.headers['cache-control'] === 'no-cache',
    };
    if (!seal.accepts(request, authorization)) return false;
    const reply = (piece: Piece | undefined, status: number) =>
      send(res, piece, status, (answer) => seal.answer(authorization, answer));
    await traceRequest(telemetry, '/fill/{key}', req, res, async () => {
      try {
        const piece = await find(here, key, request);
        if (piece) reply(piece, piece.block === undefined ? 200 : 206);
        else reply(undefined, 416);
      } catch (error) {
        reply(undefined, toKerkisError(error).mapping.httpStatus);
      }
    });
    return true;
  };
}

async function find(
  here: FillDependencies['here'],
  key: string,
  { range, isFresh }: FillRequest,
): Promise<Piece | undefined> {
  const object = await here({ key, isFresh });
  if (range === '') return object.bytes ? object : await here({ key, block: { number: 0, of: object } });
  const number = blockOfRange(range);
  const isThere = number !== undefined && number * blockBytes < object.sizeBytes;
  if (!isThere || object.sizeBytes <= maxWholeBytes) return undefined;
  return await here({ key, block: { number, of: object } });
}

function send(
  res: ServerResponse<IncomingMessage>,
  piece: Piece | undefined,
  status: number,
  prove: (answer: FillAnswer) => string,
): void {
  const { etag = '', lastModified = '', sizeBytes = 0, bytes = Buffer.alloc(0) } = piece ?? {};
  const proof = prove({ status, etag, lastModified, sizeBytes, bodyBytes: bytes.byteLength });
  res.writeHead(status, {
    'content-type': 'application/octet-stream',
    'cache-control': 'no-store',
    'content-length': bytes.byteLength,
    ...(piece && { etag, 'last-modified': lastModified, [sizeHeader]: sizeBytes }),
    [proofHeader]: proof,
  });
  res.end(bytes);
}
