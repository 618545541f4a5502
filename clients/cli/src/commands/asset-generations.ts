import { type Generation, GenerationSchema } from '@kerkis/contracts/catalog';
import type { Command } from 'commander';
import { createClients } from '../client.ts';
import { optionsOf, wholeNumber } from '../global-options.ts';
import { generationTable } from '../output/generations.ts';
import { printMessage } from '../output/json.ts';
import { takePages } from '../pages.ts';
import type { Terminal } from '../terminal.ts';

/** `kerkis asset generations` */
export function defineAssetGenerations(parent: Command, terminal: Terminal): void {
  parent
    .command('generations')
    .description('Lists what was made of an asset, newest first.')
    .argument('<id>', 'asset id, ast_…')
    .option('--limit <number>', 'most that are listed', wholeNumber(1, 1_000_000), 50)
    .action(async (assetId: string, _options, command: Command) => {
      const options = optionsOf<{ readonly limit: number }>(command);
      const { assets, generations } = createClients(options);
      const { asset } = await assets.getAsset({ assetId });
      const found = takePages(options.limit, async (pageSize, pageToken) => {
        const page = await generations.listGenerations({ assetId, pageSize, pageToken });
        return { items: page.generations, nextPageToken: page.nextPageToken };
      });
      const listed: Generation[] = [];
      for await (const generation of found) {
        if (options.json) printMessage(terminal, GenerationSchema, generation);
        else listed.push(generation);
      }
      if (!options.json) terminal.stdout.write(generationTable(listed, asset?.activeGenerationId ?? ''));
    });
}
