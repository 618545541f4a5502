import type { Command } from 'commander';
import type { Terminal } from '../terminal.ts';
import { defineKeysCreate } from './keys-create.ts';
import { defineKeysList } from './keys-list.ts';
import { defineKeysRevoke } from './keys-revoke.ts';

/** `kerkis keys …` */
export function defineKeys(program: Command, terminal: Terminal): void {
  const keys = program
    .command('keys')
    .description('Makes, lists and revokes keys that sign playback tokens.');
  defineKeysCreate(keys, terminal);
  defineKeysList(keys, terminal);
  defineKeysRevoke(keys, terminal);
}
