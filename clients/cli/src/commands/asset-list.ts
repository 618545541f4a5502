import { type Asset, AssetSchema, AssetState } from '@kerkis/contracts/catalog';
import { type Command, Option } from 'commander';
import { createClients } from '../client.ts';
import { optionsOf, wholeNumber } from '../global-options.ts';
import { assetTable } from '../output/assets.ts';
import { printMessage } from '../output/json.ts';
import { takePages } from '../pages.ts';
import { stateNamed, stateNames } from '../state-names.ts';
import type { Terminal } from '../terminal.ts';

interface ListOptions {
  readonly state?: string;
  readonly limit: number;
}

/** `kerkis asset list` */
export function defineAssetList(parent: Command, terminal: Terminal): void {
  parent
    .command('list')
    .description('Lists assets, newest first.')
    .addOption(new Option('--state <state>', 'only those in this state').choices(stateNames(AssetState)))
    .option('--limit <number>', 'most that are listed', wholeNumber(1, 1_000_000), 50)
    .action(async (_options, command: Command) => {
      const options = optionsOf<ListOptions>(command);
      const { assets } = createClients(options);
      const filter = { state: stateNamed(AssetState, options.state) };
      const found = takePages(options.limit, async (pageSize, pageToken) => {
        const page = await assets.listAssets({ filter, pageSize, pageToken });
        return { items: page.assets, nextPageToken: page.nextPageToken };
      });
      const listed: Asset[] = [];
      for await (const asset of found) {
        if (options.json) printMessage(terminal, AssetSchema, asset);
        else listed.push(asset);
      }
      if (!options.json) terminal.stdout.write(assetTable(listed));
    });
}
