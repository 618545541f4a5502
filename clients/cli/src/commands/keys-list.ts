import { type SigningKey, SigningKeySchema } from '@kerkis/contracts/catalog';
import type { Command } from 'commander';
import { createClients } from '../client.ts';
import { optionsOf } from '../global-options.ts';
import { printMessage } from '../output/json.ts';
import { signingKeyTable } from '../output/signing-keys.ts';
import { takePages } from '../pages.ts';
import type { Terminal } from '../terminal.ts';

/** `kerkis keys list` */
export function defineKeysList(parent: Command, terminal: Terminal): void {
  parent
    .command('list')
    .description('Lists the keys that are good, newest first.')
    .option('--all', 'revoked ones too', false)
    .action(async (_options, command: Command) => {
      const options = optionsOf<{ readonly all: boolean }>(command);
      const { signingKeys } = createClients(options);
      const found = takePages(Number.POSITIVE_INFINITY, async (pageSize, pageToken) => {
        const page = await signingKeys.listSigningKeys({ includeRevoked: options.all, pageSize, pageToken });
        return { items: page.signingKeys, nextPageToken: page.nextPageToken };
      });
      const listed: SigningKey[] = [];
      for await (const key of found) {
        if (options.json) printMessage(terminal, SigningKeySchema, key);
        else listed.push(key);
      }
      if (!options.json) terminal.stdout.write(signingKeyTable(listed));
    });
}
