import type { Command } from 'commander';
import type { Terminal } from '../terminal.ts';
import { defineAssetDelete } from './asset-delete.ts';
import { defineAssetEncode } from './asset-encode.ts';
import { defineAssetGenerations } from './asset-generations.ts';
import { defineAssetGet } from './asset-get.ts';
import { defineAssetList } from './asset-list.ts';
import { defineAssetWatch } from './asset-watch.ts';

/** `kerkis asset …` */
export function defineAsset(program: Command, terminal: Terminal): void {
  const asset = program.command('asset').description('Lists, shows, watches, encodes and deletes assets.');
  defineAssetList(asset, terminal);
  defineAssetGet(asset, terminal);
  defineAssetWatch(asset, terminal);
  defineAssetEncode(asset, terminal);
  defineAssetGenerations(asset, terminal);
  defineAssetDelete(asset, terminal);
}
