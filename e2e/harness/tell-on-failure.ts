import { afterEach } from 'vitest';
import type { TestMesh } from './test-mesh.ts';

/** Shows what the processes of a mesh wrote when a test of the file or block has failed. */
export function tellOnFailure(mesh: () => TestMesh | undefined): void {
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') console.error(mesh()?.output() || 'The mesh wrote nothing.');
  });
}
