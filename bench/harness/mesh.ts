import { type EmbeddedMesh, startEmbedded } from '../../e2e/harness/embedded.ts';
import type { Settings } from '../../e2e/harness/settings.ts';
import { createProfiles } from './ladder.ts';

/** Takes back what end-to-end tests set: benches measure the defaults. An empty variable counts as not set. */
const defaultSettings: Settings = {
  KERKIS_PROFILES: '',
  KERKIS_DEFAULT_PROFILE: '',
  KERKIS_TRANSCODE_PLANNER_CHUNK_SECONDS: '',
  KERKIS_TRANSCODE_PLANNER_LEASE_SECONDS: '',
  KERKIS_TRANSCODE_PLANNER_REUSE: '',
  KERKIS_TRANSCODE_WORKER_NICENESS: '',
  KERKIS_SERVER_DRAIN_SECONDS: '',
};

/**
 * A process namespace of its own, whose first process inherits every orphan and never waits for it: what bubblewrap leaves
 * behind stays listed with the CPU time that it took.
 */
export const ownNamespace = [
  ...['unshare', '--user', '--map-root-user', '--pid', '--fork', '--kill-child', '--mount-proc', '--'],
];

/** Starts `kerkis up` as it is installed, in a data directory of its own, with the profiles of benches. */
export async function startMesh(
  settings: Settings = {},
  wrapper: readonly string[] = [],
): Promise<EmbeddedMesh> {
  const mesh = await startEmbedded({ settings: { ...defaultSettings, ...settings }, wrapper });
  try {
    await createProfiles(mesh.clients);
    return mesh;
  } catch (error) {
    await mesh[Symbol.asyncDispose]();
    throw error;
  }
}
