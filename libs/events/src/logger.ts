/** The part of a pino logger that this lib uses. */
export interface EventLogger {
  debug(details: object, message: string): void;
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

/** Logs nothing. */
export const silentLogger: EventLogger = { debug() {}, info() {}, warn() {}, error() {} };
