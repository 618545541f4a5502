import { type ConnectError, encodeBinaryHeader } from '@connectrpc/connect';
import { findTrailerError } from '@connectrpc/connect/protocol-grpc';
import { Metadata, status as Status, type StatusObject } from '@grpc/grpc-js';

/** Headers as grpc-js takes them. Values of `-bin` headers are base64 in Headers and bytes in Metadata. */
export function metadataOf(headers: Headers): Metadata {
  const metadata = new Metadata();
  for (const [key, value] of headers) {
    if (key.endsWith('-bin')) {
      for (const part of value.split(',')) metadata.add(key, Buffer.from(part.trim(), 'base64'));
    } else {
      metadata.add(key, value);
    }
  }
  return metadata;
}

/** The inverse of {@link metadataOf}. */
export function headersOf(metadata: Metadata): Headers {
  const headers = new Headers();
  for (const key of Object.keys(metadata.getMap())) {
    for (const value of metadata.get(key)) {
      headers.append(key, typeof value === 'string' ? value : encodeBinaryHeader(value));
    }
  }
  return headers;
}

/** The error of a call's final status, with details decoded from `grpc-status-details-bin`; undefined for OK. */
export function errorOf(
  status: Pick<StatusObject, 'code' | 'details' | 'metadata'>,
): ConnectError | undefined {
  if (status.code === Status.OK) return undefined;
  const headers = headersOf(status.metadata);
  headers.set('grpc-status', String(status.code));
  headers.set('grpc-message', encodeURIComponent(status.details));
  return findTrailerError(headers);
}
