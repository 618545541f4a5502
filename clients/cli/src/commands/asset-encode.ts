import { GenerationSchema } from '@kerkis/contracts/catalog';
import { type Job, JobSchema } from '@kerkis/contracts/transcode';
import { type Command, Option } from 'commander';
import { createClients } from '../client.ts';
import { awaitGeneration } from '../follow/await-generation.ts';
import { optionsOf } from '../global-options.ts';
import { generationFields } from '../output/generations.ts';
import { jobLine, trackLines } from '../output/jobs.ts';
import { printMessage } from '../output/json.ts';
import { createLiveLines } from '../output/live-lines.ts';
import { profileNamed } from '../profile-file.ts';
import type { Terminal } from '../terminal.ts';

interface EncodeOptions {
  readonly profile?: string;
  readonly wait?: 'ready';
}

/** `kerkis asset encode` */
export function defineAssetEncode(parent: Command, terminal: Terminal): void {
  parent
    .command('encode')
    .description('Encodes an asset again. What plays goes on playing until the new generation is complete.')
    .argument('<id>', 'asset id, ast_…')
    .option(
      '--profile <name>',
      'what to make of it: a profile of the server, or a file with one in JSON (default: that of the asset)',
    )
    .addOption(new Option('--wait <state>', 'return when encoding is complete').choices(['ready']))
    .action(async (assetId: string, _options, command: Command) => {
      const options = optionsOf<EncodeOptions>(command);
      const clients = createClients(options);
      const profile = options.profile === undefined ? '' : await profileNamed(clients, options.profile);
      const asked = (await clients.generations.createGeneration({ assetId, profile })).generation;
      if (asked === undefined) return;
      const live = createLiveLines(terminal.stdout);
      const show = (job: Job) => {
        if (options.json) printMessage(terminal, JobSchema, job);
        else live.draw([jobLine(job), ...trackLines(job)]);
      };
      const generation = options.wait ? await awaitGeneration(clients, asked.id, show) : asked;
      live.clear();
      if (options.json) printMessage(terminal, GenerationSchema, generation);
      else terminal.stdout.write(generationFields(generation));
    });
}
