import {
  type CreateSigningKeyResponse,
  CreateSigningKeyResponseSchema,
  SigningAlgorithm,
} from '@kerkis/contracts/catalog';
import { type Command, Option } from 'commander';
import { createClients } from '../client.ts';
import { optionsOf } from '../global-options.ts';
import { readPublicKeyFile, writeKeyFile } from '../key-file.ts';
import { printMessage } from '../output/json.ts';
import { signingKeyFields } from '../output/signing-keys.ts';
import type { Terminal } from '../terminal.ts';

interface CreateOptions {
  readonly name?: string;
  readonly algorithm: 'eddsa' | 'es256';
  readonly publicKey?: string;
  readonly out?: string;
}

const algorithms = { eddsa: SigningAlgorithm.EDDSA, es256: SigningAlgorithm.ES256 } as const;

/** `kerkis keys create` */
export function defineKeysCreate(parent: Command, terminal: Terminal): void {
  parent
    .command('create')
    .description('Makes a pair of keys, or takes the public half of yours. The private key is told once.')
    .option('--name <text>', 'name for people')
    .addOption(
      new Option('--algorithm <name>', 'what kind of pair is made')
        .choices(['eddsa', 'es256'])
        .default('eddsa'),
    )
    .option('--out <file>', 'new file for the private key (default: stdout)')
    .addOption(
      new Option('--public-key <file>', 'public key in PEM of a pair that you made').conflicts('out'),
    )
    .action(async (_options, command: Command) => {
      const options = optionsOf<CreateOptions>(command);
      const publicKey = options.publicKey === undefined ? '' : await readPublicKeyFile(options.publicKey);
      const create = () =>
        createClients(options).signingKeys.createSigningKey({
          name: options.name ?? '',
          algorithm: algorithms[options.algorithm],
          publicKey,
        });
      if (options.out === undefined) {
        tell(await create());
        return;
      }
      const { out } = options;
      tell(
        await writeKeyFile(out, async () => {
          const { privateKey, ...made } = await create();
          return { text: privateKey, result: { ...made, privateKey: '' } };
        }),
      );

      /** The private key is all that stdout has, so that it can be led into a file or a vault. */
      function tell(created: CreateSigningKeyResponse): void {
        if (options.json) printMessage(terminal, CreateSigningKeyResponseSchema, created);
        else {
          const stream = created.privateKey === '' ? terminal.stdout : terminal.stderr;
          if (created.signingKey) stream.write(signingKeyFields(created.signingKey));
          terminal.stdout.write(created.privateKey);
        }
      }
    });
}
