import { WorkerSchema } from '@kerkis/contracts/transcode';
import type { Command } from 'commander';
import { createClients } from '../client.ts';
import { optionsOf } from '../global-options.ts';
import { printMessage } from '../output/json.ts';
import { workerTable } from '../output/workers.ts';
import type { Terminal } from '../terminal.ts';

/** `kerkis workers` */
export function defineWorkers(program: Command, terminal: Terminal): void {
  program
    .command('workers')
    .description('Lists the workers that encode, and what they have in hardware.')
    .action(async (_options, command: Command) => {
      const options = optionsOf<object>(command);
      const { workers } = await createClients(options).workers.listWorkers({});
      if (options.json) for (const worker of workers) printMessage(terminal, WorkerSchema, worker);
      else terminal.stdout.write(workerTable(workers));
    });
}
