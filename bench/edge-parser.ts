import { parseArgs } from 'node:util';
import { compareWithNode } from '../libs/rpc/test/differential.ts';
import { type Report, verdict } from './harness/table.ts';

const portion = 250_000;

/** What the fast path of the edge makes of odd bytes, and what Node's HTTP parser makes of them. */
export async function edgeParser(args: readonly string[]): Promise<Report> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      inputs: { type: 'string' },
      seed: { type: 'string', default: '1000' },
      quick: { type: 'boolean', default: false },
    },
  });
  const inputs = Number(values.inputs ?? (values.quick ? 200_000 : 10_000_000));
  const disagreements: string[] = [];
  let accepted = 0;
  let declined = 0;
  for (let done = 0, seed = Number(values.seed); done < inputs; done += portion, seed++) {
    const outcome = await compareWithNode({ inputs: Math.min(portion, inputs - done), seed });
    accepted += outcome.accepted;
    declined += outcome.declined;
    disagreements.push(...outcome.disagreements);
  }
  return {
    title: 'The fast path of the edge against Node’s HTTP parser',
    tables: [
      {
        columns: [
          'inputs',
          'requests that the fast path read',
          'inputs given to Node',
          'disagreements',
          'aim',
        ],
        rows: [[inputs, accepted, declined, disagreements.length, verdict(disagreements.length, 0)]],
      },
    ],
    remarks: disagreements.slice(0, 10),
  };
}
