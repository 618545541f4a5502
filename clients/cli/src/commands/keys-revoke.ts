import { SigningKeySchema } from '@kerkis/contracts/catalog';
import type { Command } from 'commander';
import { createClients } from '../client.ts';
import { optionsOf } from '../global-options.ts';
import { printMessage } from '../output/json.ts';
import { signingKeyFields } from '../output/signing-keys.ts';
import type { Terminal } from '../terminal.ts';

/** `kerkis keys revoke` */
export function defineKeysRevoke(parent: Command, terminal: Terminal): void {
  parent
    .command('revoke')
    .description('Ends a key for good: within five seconds none of its tokens opens anything.')
    .argument('<id>', 'key id, key_…')
    .action(async (signingKeyId: string, _options, command: Command) => {
      const options = optionsOf(command);
      const { signingKey } = await createClients(options).signingKeys.revokeSigningKey({ signingKeyId });
      if (signingKey === undefined) return;
      if (options.json) printMessage(terminal, SigningKeySchema, signingKey);
      else terminal.stdout.write(signingKeyFields(signingKey));
    });
}
