import type { Command } from 'commander';
import type { Terminal } from '../terminal.ts';
import { defineJobCancel } from './job-cancel.ts';
import { defineJobGet } from './job-get.ts';
import { defineJobList } from './job-list.ts';
import { defineJobRetry } from './job-retry.ts';
import { defineJobWatch } from './job-watch.ts';

/** `kerkis job …` */
export function defineJob(program: Command, terminal: Terminal): void {
  const job = program.command('job').description('Lists, shows, watches, cancels and retries encoding jobs.');
  defineJobList(job, terminal);
  defineJobGet(job, terminal);
  defineJobWatch(job, terminal);
  defineJobCancel(job, terminal);
  defineJobRetry(job, terminal);
}
