import { isAddressRange, isReferrer, signPlaybackToken } from '@kerkis/tokens';
import { type Command, InvalidArgumentError } from 'commander';
import { optionsOf, wholeNumber } from '../global-options.ts';
import { readKeyFile } from '../key-file.ts';
import { printEvent } from '../output/json.ts';
import { playbackUrls } from '../playback.ts';
import type { Terminal } from '../terminal.ts';

interface TokenOptions {
  readonly key: string;
  readonly keyId?: string;
  readonly expires: number;
  readonly audience?: string;
  readonly ip?: readonly string[];
  readonly referrer?: readonly string[];
  readonly maxHeight?: number;
  readonly preview?: number;
}

/** `kerkis token`: signs a playback token, without asking the server. */
export function defineToken(program: Command, terminal: Terminal): void {
  program
    .command('token')
    .summary('sign a playback token')
    .description('Signs a token for a signed playback ID and prints it. Asks no server.')
    .argument('<playbackId>', 'pbk_…')
    .requiredOption('--key <file>', 'private key in PEM')
    .option('--key-id <id>', 'key_… (default: what the key says)')
    .requiredOption('--expires <time>', 'how long it is good, e.g. 90s, 15m, 1h, 7d', seconds)
    .option('--audience <name>', 'whom it is for (default: kerkis)')
    .option('--ip <address...>', 'addresses or ranges of viewers', each(isAddressRange, '192.0.2.0/24'))
    .option('--referrer <host...>', 'hosts of pages that may show it', each(isReferrer, '*.example.com'))
    .option('--max-height <pixels>', 'shorter side of the largest picture', wholeNumber(1, 100_000))
    .option('--preview <time>', 'how much from the beginning, e.g. 30s', seconds)
    .action(async (playbackId: string, _options, command: Command) => {
      const options = optionsOf<TokenOptions>(command);
      const { keyId, audience, ip, referrer, maxHeight, preview } = options;
      const token = await signPlaybackToken({
        privateKey: await readKeyFile(options.key),
        playbackId,
        expiresInSeconds: options.expires,
        ...(keyId !== undefined && { keyId }),
        ...(audience !== undefined && { audience }),
        ...(ip && { addressRanges: ip }),
        ...(referrer && { referrers: referrer }),
        ...(maxHeight !== undefined && { maxHeight }),
        ...(preview !== undefined && { previewSeconds: preview }),
      });
      if (!options.json) {
        terminal.stdout.write(`${token}\n`);
        return;
      }
      const urls = Object.entries(playbackUrls(options.server, playbackId));
      const open = Object.fromEntries(urls.map(([name, url]) => [name, `${url}?token=${token}`]));
      printEvent(terminal, 'token', { playbackId, token, ...open });
    });
}

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** `1h` in seconds. */
function seconds(text: string): number {
  const [, number, unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const value = Number(number) * (unitSeconds[unit] ?? Number.NaN);
  if (value > 0) return value;
  throw new InvalidArgumentError('Allowed: a number above 0 and its unit, e.g. 90s, 15m, 1h, 7d.');
}

function each(isAllowed: (text: string) => boolean, example: string) {
  return (text: string, known: readonly string[] = []): readonly string[] => {
    if (isAllowed(text)) return [...known, text];
    throw new InvalidArgumentError(`Allowed: such as ${example}.`);
  };
}
