import { JobSchema } from '@kerkis/contracts/transcode';
import type { Command } from 'commander';
import { createClients } from '../client.ts';
import { optionsOf } from '../global-options.ts';
import { jobFields } from '../output/jobs.ts';
import { printMessage } from '../output/json.ts';
import type { Terminal } from '../terminal.ts';

/** `kerkis job retry` */
export function defineJobRetry(parent: Command, terminal: Terminal): void {
  parent
    .command('retry')
    .description('Starts a failed or cancelled job again; finished chunks are kept.')
    .argument('<id>', 'job id, job_…')
    .action(async (jobId: string, _options, command: Command) => {
      const options = optionsOf(command);
      const { job } = await createClients(options).jobs.retryJob({ jobId });
      if (job === undefined) return;
      if (options.json) printMessage(terminal, JobSchema, job);
      else terminal.stdout.write(jobFields(job));
    });
}
