import { startCatalog } from '@kerkis/catalog';
import { startDelivery } from '@kerkis/delivery';
import type { MeshService, StartService } from '@kerkis/mesh';
import { startTranscode } from '@kerkis/transcode';
import { startUpload } from '@kerkis/upload';

/** What the process is made of, in the order of the start. A service that is added to the mesh is added here. */
export const services: readonly (readonly [MeshService, StartService])[] = [
  ['catalog', startCatalog],
  ['upload', startUpload],
  ['transcode', startTranscode],
  ['delivery', startDelivery],
];
