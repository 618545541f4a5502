import { type Job, JobSchema, JobState } from '@kerkis/contracts/transcode';
import type { Command } from 'commander';
import { createClients } from '../client.ts';
import { recordedFailure } from '../failure.ts';
import { followJob } from '../follow/follow-job.ts';
import { optionsOf } from '../global-options.ts';
import { jobLine, trackLines } from '../output/jobs.ts';
import { printMessage } from '../output/json.ts';
import { createLiveLines } from '../output/live-lines.ts';
import type { Terminal } from '../terminal.ts';

/** `kerkis job watch` */
export function defineJobWatch(parent: Command, terminal: Terminal): void {
  parent
    .command('watch')
    .description('Shows how far a job is until it ends. Fails with the reason when the job does.')
    .argument('<id>', 'job id, job_…')
    .action(async (jobId: string, _options, command: Command) => {
      const options = optionsOf(command);
      const live = createLiveLines(terminal.stdout);
      let last: Job | undefined;
      for await (const job of followJob(createClients(options), jobId)) {
        if (options.json) printMessage(terminal, JobSchema, job);
        else if (terminal.stdout.isTTY) live.draw([jobLine(job), ...trackLines(job)]);
        else if (!last || step(job) !== step(last)) terminal.stdout.write(`${jobLine(job)}\n`);
        last = job;
      }
      if (last?.state === JobState.FAILED) throw recordedFailure(last.failure);
    });
}

/** Another line is worth printing when this changes. */
function step({ state, progress }: Job): string {
  return `${state} ${Math.floor(progress * 100)}`;
}
