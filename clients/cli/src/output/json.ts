import { type DescMessage, type MessageShape, toJson } from '@bufbuild/protobuf';
import type { Terminal } from '../terminal.ts';

/** One event of a command: `{"event":"<name>", …}`. Of an error only reason and message are told. */
export function printEvent({ stdout }: Pick<Terminal, 'stdout'>, event: string, facts: object): void {
  const told = facts instanceof Error ? pick(facts) : facts;
  stdout.write(`${JSON.stringify({ event, ...told })}\n`);
}

/** One message of the API as Protobuf's JSON. */
export function printMessage<T extends DescMessage>(
  { stdout }: Terminal,
  schema: T,
  message: MessageShape<T>,
): void {
  stdout.write(`${JSON.stringify(toJson(schema, message))}\n`);
}

function pick(error: Error & { reason?: string }): object {
  return { reason: error.reason, message: error.message };
}
