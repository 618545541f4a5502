import { type Command, InvalidArgumentError, Option } from 'commander';

const defaultServer = 'http://127.0.0.1:4400';

/** Options that every command takes, before or after its name. */
export interface GlobalOptions {
  /** Address of the mesh, without a slash at its end. */
  readonly server: string;
  readonly apiKey?: string;
  /** One JSON object a line on stdout, and nothing else there. */
  readonly json: boolean;
}

/** Adds them to the program. */
export function defineGlobalOptions(program: Command): void {
  program
    .addOption(
      new Option('--server <url>', 'address of the mesh')
        .env('KERKIS_SERVER')
        .default(defaultServer)
        .argParser(parseServer),
    )
    .addOption(new Option('--api-key <key>', 'API key to send').env('KERKIS_API_KEY').argParser(parseApiKey))
    .option('--json', 'print JSON, one object a line, and nothing else on stdout', false);
}

/** What was given for them, and for the command's own options. */
export function optionsOf<T extends object>(command: Command): T & GlobalOptions {
  return command.optsWithGlobals();
}

/** The address for messages about it. */
export function serverOf(program: Command): string {
  return program.opts<GlobalOptions>().server;
}

/** A whole number within bounds, for `argParser`. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d{1,15}$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Allowed: a whole number from ${min} to ${max}.`);
  };
}

function parseServer(text: string): string {
  if (text === '') return defaultServer;
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '') {
    throw new InvalidArgumentError(`Allowed: an address such as ${defaultServer}.`);
  }
  return url.href.replace(/\/+$/, '');
}

function parseApiKey(text: string): string | undefined {
  if (text === '') return undefined;
  if (/^[\x21-\x7e]+$/.test(text)) return text;
  throw new InvalidArgumentError('Allowed: printable characters without spaces.');
}
