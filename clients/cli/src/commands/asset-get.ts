import { AssetSchema } from '@kerkis/contracts/catalog';
import type { Command } from 'commander';
import { createClients } from '../client.ts';
import { optionsOf } from '../global-options.ts';
import { assetFields } from '../output/assets.ts';
import { printMessage } from '../output/json.ts';
import type { Terminal } from '../terminal.ts';

/** `kerkis asset get` */
export function defineAssetGet(parent: Command, terminal: Terminal): void {
  parent
    .command('get')
    .description('Shows an asset and where it plays.')
    .argument('<id>', 'asset id, ast_…')
    .action(async (assetId: string, _options, command: Command) => {
      const options = optionsOf(command);
      const { asset } = await createClients(options).assets.getAsset({ assetId });
      if (asset === undefined) return;
      if (options.json) printMessage(terminal, AssetSchema, asset);
      else terminal.stdout.write(assetFields(asset, options.server));
    });
}
