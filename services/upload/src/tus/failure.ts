import type { IncomingMessage, ServerResponse } from 'node:http';
import { toKerkisError } from '@kerkis/errors';
import { sendHttpError, sendJson } from '@kerkis/rpc';

/** Statuses that tus wants, where they differ from those of the error's kind. */
const statuses: Readonly<Record<string, number>> = {
  UPLOAD_BUSY: 423,
  UPLOAD_CHECKSUM_MISMATCH: 460,
  UPLOAD_GONE: 410,
  UPLOAD_COMPLETED: 409,
  UPLOAD_NOT_RECEIVING: 409,
  METHOD_NOT_ALLOWED: 405,
  PROFILE_NOT_FOUND: 400,
};

/** How long a client may go on sending a body that nobody wants, so that it can read the answer. */
const lingerMs = 2000;

/** Answers with the error as JSON. A body that is still arriving is cut off soon after. */
export function sendTusError(req: IncomingMessage, res: ServerResponse, caught: unknown): void {
  const error = toKerkisError(caught);
  if (res.destroyed || res.socket?.destroyed) return;
  if (!req.complete) cutOff(req, res);
  const { kind, reason, message, details, violations } = error;
  const status = statuses[reason];
  if (status === undefined || res.headersSent) sendHttpError(res, error);
  else sendJson(res, status, { kind, reason, message, details, violations });
}

function cutOff(req: IncomingMessage, res: ServerResponse): void {
  if (req.httpVersionMajor < 2) res.shouldKeepAlive = false;
  res.once('finish', () => {
    req.resume();
    const timer = setTimeout(() => req.destroy(), lingerMs).unref();
    req.once('close', () => clearTimeout(timer));
  });
}
