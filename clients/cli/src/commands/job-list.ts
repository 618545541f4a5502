import { type Job, JobSchema, JobState } from '@kerkis/contracts/transcode';
import { type Command, Option } from 'commander';
import { createClients } from '../client.ts';
import { optionsOf, wholeNumber } from '../global-options.ts';
import { jobTable } from '../output/jobs.ts';
import { printMessage } from '../output/json.ts';
import { takePages } from '../pages.ts';
import { stateNamed, stateNames } from '../state-names.ts';
import type { Terminal } from '../terminal.ts';

interface ListOptions {
  readonly state?: string;
  readonly asset?: string;
  readonly limit: number;
}

/** `kerkis job list` */
export function defineJobList(parent: Command, terminal: Terminal): void {
  parent
    .command('list')
    .description('Lists encoding jobs, newest first.')
    .addOption(new Option('--state <state>', 'only those in this state').choices(stateNames(JobState)))
    .option('--asset <id>', 'only those of this asset')
    .option('--limit <number>', 'most that are listed', wholeNumber(1, 1_000_000), 50)
    .action(async (_options, command: Command) => {
      const options = optionsOf<ListOptions>(command);
      const { jobs } = createClients(options);
      const filter = { state: stateNamed(JobState, options.state), assetId: options.asset ?? '' };
      const found = takePages(options.limit, async (pageSize, pageToken) => {
        const page = await jobs.listJobs({ ...filter, pageSize, pageToken });
        return { items: page.jobs, nextPageToken: page.nextPageToken };
      });
      const listed: Job[] = [];
      for await (const job of found) {
        if (options.json) printMessage(terminal, JobSchema, job);
        else listed.push(job);
      }
      if (!options.json) terminal.stdout.write(jobTable(listed));
    });
}
