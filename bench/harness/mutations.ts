import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { randomNumbers } from './random.ts';

const maxSourceBytes = 4_000_000;
const edgeBytes = 65_536;

type Mutation = (bytes: Buffer, random: () => number) => Buffer;

/** Ways in which files are damaged on the way, and a seed of faults in demuxers and decoders. */
const mutations: Readonly<Record<string, Mutation>> = {
  flips: (bytes, random) => flipped(bytes, random, () => random() * bytes.length),
  truncation: (bytes, random) => bytes.subarray(0, Math.ceil(bytes.length * (0.05 + 0.9 * random()))),
  structure: (bytes, random) =>
    flipped(bytes, random, () => {
      const offset = random() * Math.min(edgeBytes, bytes.length);
      return random() < 0.5 ? offset : bytes.length - 1 - offset;
    }),
};

function flipped(bytes: Buffer, random: () => number, place: () => number): Buffer {
  const copy = Buffer.from(bytes);
  const count = 1 + Math.floor(random() * (8 + bytes.length / 50_000));
  for (let flip = 0; flip < count; flip++) {
    const index = Math.min(bytes.length - 1, Math.max(0, Math.floor(place())));
    copy[index] = (copy[index] ?? 0) ^ (1 << Math.floor(random() * 8));
  }
  return copy;
}

/** Writes `count` damaged copies of files into a folder, the same ones at each run. */
export async function mutatedFiles(
  paths: readonly string[],
  count: number,
  folder: string,
): Promise<string[]> {
  const random = randomNumbers(20_26);
  const names = Object.keys(mutations);
  const sources: { name: string; bytes: Buffer }[] = [];
  for (const path of paths) {
    const bytes = await readFile(path);
    if (bytes.length > 0 && bytes.length <= maxSourceBytes) sources.push({ name: basename(path), bytes });
  }
  const made: string[] = [];
  for (let index = 0; index < count && sources.length > 0; index++) {
    const source = sources[Math.floor(random() * sources.length)];
    const name = names[index % names.length] ?? '';
    const mutation = mutations[name];
    if (!source || !mutation) continue;
    const path = join(folder, `${name}-${index}-${source.name}`);
    await writeFile(path, mutation(source.bytes, random));
    made.push(path);
  }
  return made;
}
