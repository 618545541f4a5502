import type { DescMessage, Message } from '@bufbuild/protobuf';
import { pathToString } from '@bufbuild/protobuf/reflect';
import { createValidator, type Violation } from '@bufbuild/protovalidate';
import type { Interceptor } from '@connectrpc/connect';
import { KerkisError } from '@kerkis/errors';

/**
 * Checks each request message against the protovalidate rules of its contract.
 * Throws KerkisError `invalid` REQUEST_INVALID with one violation a field.
 */
export function validationInterceptor(): Interceptor {
  const validator = createValidator();
  const check = <T extends Message>(schema: DescMessage, message: T): T => {
    const result = validator.validate(schema, message);
    if (result.kind === 'error') throw result.error;
    if (result.kind === 'invalid') throw invalidRequest(result.violations);
    return message;
  };
  async function* checkEach(schema: DescMessage, messages: AsyncIterable<Message>) {
    for await (const message of messages) yield check(schema, message);
  }
  return (next) => async (request) => {
    const { input } = request.method;
    if (request.stream) return next({ ...request, message: checkEach(input, request.message) });
    check(input, request.message);
    return next(request);
  };
}

function invalidRequest(found: readonly Violation[]): KerkisError {
  const violations = found.map(({ field, message }) => ({
    field: pathToString(field),
    description: message,
  }));
  const text = violations.map(({ field, description }) => (field ? `${field}: ${description}` : description));
  return new KerkisError('invalid', 'REQUEST_INVALID', `The request is not valid. ${text.join('; ')}.`, {
    violations,
  });
}
