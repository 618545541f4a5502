import { spawnSync } from 'node:child_process';

/** What the contracts are compared with, or why with nothing. */
export type Baseline = { readonly commit: string; readonly name: string } | { readonly skipped: string };

/**
 * The state that the contracts in the working tree must be compatible with: the last release if there is one; on a
 * branch the commit where it left the default branch; on the default branch the commit before, or the last one if the
 * contracts were changed and not committed.
 */
export function breakingBaseline(root: string): Baseline {
  const candidates = [lastRelease(root), branchPoint(root), lastCommit(root)];
  const baseline = candidates.find((candidate) => candidate !== undefined);
  if (!baseline) return { skipped: 'the history holds no earlier commit (a shallow clone?)' };
  const hasContracts = git(root, 'cat-file', '-e', `${baseline.commit}:buf.yaml`) !== undefined;
  return hasContracts ? baseline : { skipped: `${baseline.name} has no contracts` };
}

type Found = { readonly commit: string; readonly name: string } | undefined;

function lastRelease(root: string): Found {
  const tag = git(root, 'describe', '--tags', '--abbrev=0', '--match', 'v[0-9]*');
  return tag ? found(root, tag, `release ${tag}`) : undefined;
}

function branchPoint(root: string): Found {
  const upstream = git(root, 'rev-parse', '--abbrev-ref', 'origin/HEAD') ?? 'origin/main';
  const commit = git(root, 'merge-base', 'HEAD', upstream);
  if (!commit || commit === git(root, 'rev-parse', 'HEAD')) return undefined;
  return { commit, name: `the default branch (${commit.slice(0, 8)})` };
}

function lastCommit(root: string): Found {
  const changed = git(root, 'status', '--porcelain', '--', 'proto');
  return changed ? found(root, 'HEAD', 'the last commit') : found(root, 'HEAD~1', 'the commit before');
}

function found(root: string, revision: string, name: string): Found {
  const commit = git(root, 'rev-parse', '--verify', '--quiet', `${revision}^{commit}`);
  return commit ? { commit, name: `${name} (${commit.slice(0, 8)})` } : undefined;
}

/** Output of git without the last line break; undefined when git fails. */
function git(root: string, ...args: string[]): string | undefined {
  const { status, stdout } = spawnSync('git', args, { cwd: root, encoding: 'utf8' });
  return status === 0 ? stdout.trimEnd() : undefined;
}
