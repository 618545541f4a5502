import type { Command } from 'commander';
import { createClients } from '../client.ts';
import { isNotFound } from '../failure.ts';
import { followAsset } from '../follow/follow-asset.ts';
import { optionsOf } from '../global-options.ts';
import { printEvent } from '../output/json.ts';
import type { Terminal } from '../terminal.ts';

/** `kerkis asset delete` */
export function defineAssetDelete(parent: Command, terminal: Terminal): void {
  parent
    .command('delete')
    .description('Deletes an asset, its master and all its media.')
    .argument('<id>', 'asset id, ast_…')
    .option('--wait', 'return when every object is gone', false)
    .action(async (assetId: string, _options, command: Command) => {
      const options = optionsOf<{ readonly wait: boolean }>(command);
      const clients = createClients(options);
      await clients.assets.deleteAsset({ assetId });
      if (options.wait) await untilGone(followAsset(clients, assetId));
      if (options.json) printEvent(terminal, options.wait ? 'deleted' : 'deleting', { assetId });
      else
        terminal.stdout.write(options.wait ? `${assetId} is deleted.\n` : `${assetId} is being deleted.\n`);
    });
}

async function untilGone(changes: AsyncIterable<unknown>): Promise<void> {
  try {
    for await (const _ of changes);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
