import { EdgeSchema } from '@kerkis/contracts/delivery';
import type { Command } from 'commander';
import { createClients } from '../client.ts';
import { optionsOf } from '../global-options.ts';
import { edgeTable } from '../output/edges.ts';
import { printMessage } from '../output/json.ts';
import type { Terminal } from '../terminal.ts';

/** `kerkis edge drain`, `kerkis edge undrain` */
export function defineEdgeDrain(parent: Command, terminal: Terminal): void {
  define('drain', 'Gives an edge no new viewers, until it is undrained or starts anew.', 'drainEdge');
  define('undrain', 'Gives a drained edge viewers again.', 'undrainEdge');

  function define(name: string, description: string, method: 'drainEdge' | 'undrainEdge'): void {
    parent
      .command(name)
      .description(description)
      .argument('<id>', 'edge id, nod_…')
      .action(async (edgeId: string, _options, command: Command) => {
        const options = optionsOf<object>(command);
        const { edge } = await createClients(options).routing[method]({ edgeId });
        if (edge === undefined) return;
        if (options.json) printMessage(terminal, EdgeSchema, edge);
        else terminal.stdout.write(edgeTable([edge]));
      });
  }
}
