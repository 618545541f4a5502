import { type Asset, AssetSchema, AssetState } from '@kerkis/contracts/catalog';
import type { Command } from 'commander';
import { createClients } from '../client.ts';
import { followAsset } from '../follow/follow-asset.ts';
import { optionsOf } from '../global-options.ts';
import { printMessage } from '../output/json.ts';
import { formatTime, plain } from '../output/text.ts';
import type { Terminal } from '../terminal.ts';

/** `kerkis asset watch` */
export function defineAssetWatch(parent: Command, terminal: Terminal): void {
  parent
    .command('watch')
    .description('Prints an asset now and after each change, until it is deleted or Ctrl-C.')
    .argument('<id>', 'asset id, ast_…')
    .action(async (assetId: string, _options, command: Command) => {
      const options = optionsOf(command);
      for await (const asset of followAsset(createClients(options), assetId)) {
        if (options.json) printMessage(terminal, AssetSchema, asset);
        else terminal.stdout.write(line(asset));
      }
    });
}

function line({ state, failure, title }: Asset): string {
  const reason = failure === undefined ? '' : `  ${failure.reason}: ${plain(failure.message)}`;
  return `${formatTime(new Date())}  ${AssetState[state]}  ${plain(title)}${reason}\n`;
}
