import { create, type DescMessage, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { subjectOf } from '@kerkis/contracts';
import type { OutboxEntry } from '@kerkis/documents';
import { KerkisError } from '@kerkis/errors';
import { newId } from '@kerkis/ids';
import { injectHeaders } from '@kerkis/telemetry';
import type { MsgHdrs } from '@nats-io/transport-node';

/** Where an event comes from and what it is about. */
export interface EventOrigin {
  /** Id of the entity that changed, e.g. `ast_…`: the CloudEvents subject. */
  readonly subjectId: string;
  /** The service that says so, e.g. `catalog`. */
  readonly source: string;
}

/** The CloudEvents attributes of a received event or task. */
export interface EventMeta {
  /** `evt_…`, the same for every delivery and for duplicates. */
  readonly id: string;
  /** Full Protobuf name of the message. */
  readonly type: string;
  readonly source: string;
  /** Id of the entity that changed. Empty when the publisher named none. */
  readonly subjectId: string;
  /** When it happened. */
  readonly time: Date;
  /** NATS subject. */
  readonly subject: string;
}

/** The largest encoded message in bytes: half of what a NATS server takes by default. */
export const maxEventBytes = 512 * 1024;

/**
 * An event as an outbox entry of the entity that changed: subject from the message's own option, CloudEvents 1.0
 * attributes and the current trace context as headers.
 *
 * Throws TypeError for a message without a subject, `too_large` EVENT_TOO_LARGE above {@link maxEventBytes}.
 */
export function event<S extends DescMessage>(
  schema: S,
  message: MessageInitShape<S>,
  origin: EventOrigin,
): OutboxEntry {
  const id = newId('evt');
  return {
    id,
    subject: subjectOf(schema),
    type: schema.typeName,
    data: Buffer.from(encode(schema, message)).toString('base64'),
    headers: messageHeaders({ id, type: schema.typeName, ...origin }),
  };
}

/** The message in Protobuf binary form. Throws `too_large` EVENT_TOO_LARGE above {@link maxEventBytes}. */
export function encode<S extends DescMessage>(schema: S, message: MessageInitShape<S>): Uint8Array {
  const data = toBinary(schema, create(schema, message));
  if (data.byteLength <= maxEventBytes) return data;
  throw new KerkisError(
    'too_large',
    'EVENT_TOO_LARGE',
    `A ${schema.typeName} of ${data.byteLength} bytes is larger than ${maxEventBytes}: refer to its content instead.`,
  );
}

/** CloudEvents headers in binary mode and the current trace context. */
export function messageHeaders(event: { id: string; type: string } & EventOrigin): Record<string, string> {
  return {
    'ce-specversion': '1.0',
    'ce-id': escapeValue(event.id),
    'ce-source': escapeValue(event.source),
    'ce-type': event.type,
    'ce-time': new Date().toISOString(),
    'ce-subject': escapeValue(event.subjectId),
    'content-type': 'application/protobuf',
    ...injectHeaders(),
  };
}

/** The attributes of a received message. What its headers do not say is filled from the delivery itself. */
export function readMeta(
  subject: string,
  headers: MsgHdrs | undefined,
  received: { id: string; time: Date },
): EventMeta {
  const get = (name: string): string => unescapeValue(headers?.get(name) ?? '');
  const time = new Date(get('ce-time'));
  return {
    id: get('ce-id') || received.id,
    type: get('ce-type'),
    source: get('ce-source'),
    subjectId: get('ce-subject'),
    time: Number.isNaN(time.getTime()) ? received.time : time,
    subject,
  };
}

// Header values are percent-encoded outside printable ASCII, and for space, quote and percent itself:
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md#3132-http-header-values
function escapeValue(value: string): string {
  return value
    .toWellFormed()
    .replaceAll(/[^\x21\x23\x24\x26-\x7e]+/g, (part) => encodeURIComponent(part).replaceAll(' ', '%20'));
}

function unescapeValue(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
