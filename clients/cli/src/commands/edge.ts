import type { Command } from 'commander';
import type { Terminal } from '../terminal.ts';
import { defineEdgeDrain } from './edge-drain.ts';
import { defineEdgeList } from './edge-list.ts';

/** `kerkis edge …` */
export function defineEdge(program: Command, terminal: Terminal): void {
  const edge = program.command('edge').description('Lists the edges that serve viewers, and drains them.');
  defineEdgeList(edge, terminal);
  defineEdgeDrain(edge, terminal);
}
