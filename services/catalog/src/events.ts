import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Asset, Generation, SigningKey } from '@kerkis/contracts/catalog';
import {
  AssetCreatedSchema,
  AssetDeletedSchema,
  AssetDeletionRequestedSchema,
  AssetUpdatedSchema,
  GenerationDeletionRequestedSchema,
  GenerationRequestedSchema,
  SigningKeyCreatedSchema,
  SigningKeyRevokedSchema,
} from '@kerkis/contracts/catalog/events';
import type { OutboxEntry } from '@kerkis/documents';
import { event } from '@kerkis/events';

const from = (subjectId: string) => ({ subjectId, source: 'catalog' });

/** An asset exists. */
export const assetCreated = (asset: Asset): OutboxEntry =>
  event(AssetCreatedSchema, { asset }, from(asset.id));

/** Anything about an asset changed. */
export const assetUpdated = (asset: Asset): OutboxEntry =>
  event(AssetUpdatedSchema, { asset }, from(asset.id));

/** An asset is to go. */
export const assetDeletionRequested = (assetId: string): OutboxEntry =>
  event(AssetDeletionRequestedSchema, { assetId }, from(assetId));

/** An asset is gone. */
export const assetDeleted = (assetId: string): OutboxEntry =>
  event(AssetDeletedSchema, { assetId }, from(assetId));

/** A generation is to be made of the asset's source. */
export function generationRequested(
  source: MessageInitShape<typeof GenerationRequestedSchema>['source'],
  generation: Generation,
): OutboxEntry {
  const { id: generationId, assetId, profile } = generation;
  const message = { assetId, generationId, ...(source && { source }), ...(profile && { profile }) };
  return event(GenerationRequestedSchema, message, from(generationId));
}

/** A generation is to go. */
export const generationDeletionRequested = ({ id: generationId, assetId }: Generation): OutboxEntry =>
  event(GenerationDeletionRequestedSchema, { assetId, generationId }, from(generationId));

/** A key that signs playback tokens is known. */
export const signingKeyCreated = (signingKey: SigningKey): OutboxEntry =>
  event(SigningKeyCreatedSchema, { signingKey }, from(signingKey.id));

/** A key that signs playback tokens is void. */
export const signingKeyRevoked = (signingKey: SigningKey): OutboxEntry =>
  event(SigningKeyRevokedSchema, { signingKey }, from(signingKey.id));
