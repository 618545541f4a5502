import { AssetState, Encryption, PlaybackPolicy } from '@kerkis/contracts/catalog';
import { isKerkisError } from '@kerkis/errors';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { createClients } from '../client.ts';
import { failureOf } from '../failure.ts';
import type { AwaitedState } from '../follow/follow-asset.ts';
import { optionsOf } from '../global-options.ts';
import { printEvent } from '../output/json.ts';
import { plain } from '../output/text.ts';
import type { Terminal } from '../terminal.ts';
import { humanReport, jsonReport } from '../upload/report.ts';
import { openSourceFile } from '../upload/source-file.ts';
import { uploadFile } from '../upload/upload-file.ts';

interface UploadOptions {
  readonly profile?: string;
  readonly title?: string;
  readonly meta: Readonly<Record<string, string>>;
  readonly policy: 'public' | 'signed';
  readonly encryption: keyof typeof encryptions;
  readonly wait?: 'playable' | 'ready';
}

const encryptions = { none: Encryption.NONE, 'aes-128': Encryption.AES_128, cbcs: Encryption.CBCS } as const;

/** `kerkis upload`: a file from this machine becomes an asset. */
export function defineUpload(program: Command, terminal: Terminal): void {
  program
    .command('upload')
    .summary('upload a file')
    .description('Uploads a file, and goes on after a lost connection. Prints the asset and where it plays.')
    .argument('<file>', 'video or audio file')
    .option('--profile <name>', 'what to make of it (default: the one that the server is set to)')
    .option('--title <text>', 'title of the asset (default: the file name)')
    .option('--meta <key=value...>', 'facts of yours to keep with the asset', addMetadata, {})
    .addOption(
      new Option('--policy <policy>', 'who may watch: everybody, or holders of a token')
        .choices(['public', 'signed'])
        .default('public'),
    )
    .addOption(
      new Option('--encryption <scheme>', 'how segments are encrypted on their way to viewers')
        .choices(Object.keys(encryptions))
        .default('none'),
    )
    .addOption(
      new Option(
        '--wait <state>',
        'return when it can be played, or when encoding is complete (default: when it was uploaded)',
      ).choices(['playable', 'ready']),
    )
    .action(async (path: string, _options, command: Command) => {
      const { json, server, wait, meta: metadata, ...options } = optionsOf<UploadOptions>(command);
      try {
        await using file = await openSourceFile(path);
        const report = json ? jsonReport(terminal) : humanReport(terminal, plain(file.name));
        const plan = {
          ...options,
          server,
          metadata,
          policy: options.policy === 'signed' ? PlaybackPolicy.SIGNED : PlaybackPolicy.PUBLIC,
          encryption: encryptions[options.encryption],
          awaited: awaitedState(wait),
          signal: untilInterrupted(),
        };
        try {
          const asset = await uploadFile(file, plan, createClients({ server, ...options }), report);
          report.done(asset, server);
        } finally {
          report.end();
        }
      } catch (error) {
        const failure = failureOf(error, server);
        if (json) printEvent(terminal, 'failed', failure);
        throw isKerkisError(error) ? error : failure;
      }
    });
}

function awaitedState(wait: UploadOptions['wait']): AwaitedState {
  if (wait === 'ready') return AssetState.READY;
  return wait === 'playable' ? AssetState.PLAYABLE : AssetState.SOURCE_READY;
}

function addMetadata(text: string, known: Record<string, string>): Record<string, string> {
  const [, key, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (key === undefined || value === undefined) throw new InvalidArgumentError('Allowed: key=value.');
  return { ...known, [key]: value };
}

/** The first Ctrl-C lets the server know; a second one ends at once. */
function untilInterrupted(): AbortSignal {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
  return interrupted.signal;
}
