export {
  type ErrorOptions,
  type FieldViolation,
  isKerkisError,
  KerkisError,
  toKerkisError,
} from './kerkis-error.ts';
export { type AckVerdict, type ErrorKind, errorKinds, type KindMapping, kindMapping } from './kinds.ts';
