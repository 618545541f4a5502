import type { MeshClients } from './clients.ts';

/** A running mesh, however it is composed. */
export interface TestMesh extends AsyncDisposable {
  /** The one address that clients know. */
  readonly url: string;
  readonly clients: MeshClients;
  /** What is in the object store: keys of objects, and unfinished multipart uploads as `multipart:<key>`. */
  objectKeys(): Promise<string[]>;
  /** Directories in which nothing may be left when nothing runs. */
  readonly scratchDirectories: readonly string[];
  /** The last of what its processes wrote, for the message of a failed test. */
  output(): string;
}
