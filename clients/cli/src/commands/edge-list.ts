import { EdgeSchema } from '@kerkis/contracts/delivery';
import type { Command } from 'commander';
import { createClients } from '../client.ts';
import { optionsOf } from '../global-options.ts';
import { edgeTable } from '../output/edges.ts';
import { printMessage } from '../output/json.ts';
import type { Terminal } from '../terminal.ts';

/** `kerkis edge list` */
export function defineEdgeList(parent: Command, terminal: Terminal): void {
  parent
    .command('list')
    .description('Lists the edges and live origins that are there now.')
    .action(async (_options, command: Command) => {
      const options = optionsOf<object>(command);
      const { edges } = await createClients(options).routing.listEdges({});
      if (options.json) for (const edge of edges) printMessage(terminal, EdgeSchema, edge);
      else terminal.stdout.write(edgeTable(edges));
    });
}
