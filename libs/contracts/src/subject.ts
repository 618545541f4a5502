import { type DescMessage, getOption, hasOption } from '@bufbuild/protobuf';
import { subject } from '../gen/kerkis/options/v1/options_pb.js';

/**
 * NATS subject of an event, as its Protobuf message declares it with `option (kerkis.options.v1.subject)`.
 *
 * Throws a TypeError for a message that is no event.
 */
export function subjectOf(schema: DescMessage): string {
  if (!hasOption(schema, subject)) {
    throw new TypeError(`${schema.typeName} declares no subject: it is no event`);
  }
  return getOption(schema, subject);
}
