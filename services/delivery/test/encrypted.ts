import type { Encryption } from '@kerkis/contracts/catalog';
import type { Edge } from './edge-fixture.ts';

/** Makes a playback ID one that is encrypted, before anybody asks for it. */
export function encrypt(
  { catalog }: Pick<Edge, 'catalog'>,
  playbackId: string,
  encryption: Encryption,
): void {
  const told = catalog.playbacks.get(playbackId);
  if (!told) throw new Error('There is no such playback ID.');
  const named = { id: playbackId, ...told.playbackId, encryption };
  catalog.playbacks.set(playbackId, { ...told, playbackId: named } as typeof told);
}
