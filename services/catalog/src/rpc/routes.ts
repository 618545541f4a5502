import type { ConnectRouter, ServiceImpl } from '@connectrpc/connect';
import {
  AssetService,
  GenerationService,
  PlaybackService,
  ProfileService,
  SigningKeyService,
} from '@kerkis/contracts/catalog';
import { signingKeyRevoked } from '../events.ts';
import type { AssetStore } from '../store/assets.ts';
import type { GenerationStore } from '../store/generations.ts';
import type { ProfileStore } from '../store/profiles.ts';
import type { SigningKeyStore } from '../store/signing-keys.ts';
import { createAsset } from './create-asset.ts';
import { createGeneration } from './create-generation.ts';
import { createPlaybackId } from './create-playback-id.ts';
import { createSigningKey } from './create-signing-key.ts';
import { deleteAsset } from './delete-asset.ts';
import { deletePlaybackId } from './delete-playback-id.ts';
import { listAssets } from './list-assets.ts';
import { lookUpPlaybackId } from './look-up-playback-id.ts';
import { requiredProfile } from './required-profile.ts';
import { updateAsset } from './update-asset.ts';
import { type WatchAssetDependencies, watchAsset } from './watch-asset.ts';

/** What the RPC handlers of the catalog stand on. */
export interface CatalogRoutes {
  readonly assets: AssetStore;
  readonly generations: GenerationStore;
  readonly profiles: ProfileStore;
  readonly signingKeys: SigningKeyStore;
  readonly defaultProfile: string;
  readonly nextChange: WatchAssetDependencies['nextChange'];
}

/** Registers every RPC of the catalog. */
export function catalogRoutes(stores: CatalogRoutes): (router: ConnectRouter) => void {
  const { assets, generations, profiles, signingKeys } = stores;

  const assetRpcs: ServiceImpl<typeof AssetService> = {
    createAsset: (request) => createAsset(stores, request),
    getAsset: async ({ assetId }) => ({ asset: await assets.getAsset(assetId) }),
    listAssets: (request) => listAssets(assets, request),
    updateAsset: (request) => updateAsset(assets, request),
    deleteAsset: async ({ assetId }) => {
      await deleteAsset(assets, assetId);
      return {};
    },
    watchAsset: ({ assetId }, { signal }) => watchAsset(stores, assetId, signal),
  };
  const generationRpcs: ServiceImpl<typeof GenerationService> = {
    createGeneration: (request) => createGeneration(stores, request),
    getGeneration: async ({ generationId }) => ({
      generation: await generations.getGeneration(generationId),
    }),
    listGenerations: ({ assetId, pageSize, pageToken }) =>
      generations.listGenerations(assetId, pageSize || 50, pageToken),
  };
  const profileRpcs: ServiceImpl<typeof ProfileService> = {
    createProfile: async ({ profile }) => ({ profile: await profiles.addProfile(requiredProfile(profile)) }),
    getProfile: async ({ name }) => ({ profile: await profiles.getProfile(name) }),
    listProfiles: async () => ({ profiles: await profiles.listProfiles() }),
    updateProfile: async ({ profile }) => ({
      profile: await profiles.replaceProfile(requiredProfile(profile)),
    }),
    deleteProfile: async ({ name }) => {
      await profiles.removeProfile(name);
      return {};
    },
  };
  const playbackRpcs: ServiceImpl<typeof PlaybackService> = {
    createPlaybackId: (request) => createPlaybackId(assets, request),
    deletePlaybackId: async ({ playbackId }) => {
      await deletePlaybackId(assets, playbackId);
      return {};
    },
    lookUpPlaybackId: ({ playbackId }) => lookUpPlaybackId(stores, playbackId),
  };
  const signingKeyRpcs: ServiceImpl<typeof SigningKeyService> = {
    createSigningKey: (request) => createSigningKey(signingKeys, request),
    getSigningKey: async ({ signingKeyId }) => ({ signingKey: await signingKeys.getKey(signingKeyId) }),
    listSigningKeys: ({ includeRevoked, pageSize, pageToken }) =>
      signingKeys.listKeys(includeRevoked ? 'all' : 'good', pageSize || 50, pageToken),
    revokeSigningKey: async ({ signingKeyId }) => ({
      signingKey: await signingKeys.revokeKey(signingKeyId, new Date(), signingKeyRevoked),
    }),
  };

  return (router) => {
    router.service(AssetService, assetRpcs);
    router.service(GenerationService, generationRpcs);
    router.service(ProfileService, profileRpcs);
    router.service(PlaybackService, playbackRpcs);
    router.service(SigningKeyService, signingKeyRpcs);
  };
}
