import type { ConnectRouter, ServiceImpl } from '@connectrpc/connect';
import { UploadService } from '@kerkis/contracts/upload';
import type { SessionStore } from '../store/sessions.ts';
import { cancelUpload } from './cancel-upload.ts';
import { type CompleteUploadDependencies, completeUpload } from './complete-upload.ts';
import { type CreateImportDependencies, createImport } from './create-import.ts';
import { type CreateUploadDependencies, createUpload } from './create-upload.ts';
import { listUploads } from './list-uploads.ts';
import { type SignPartsDependencies, signParts } from './sign-parts.ts';
import { type StreamUploadDependencies, streamUpload } from './stream-upload.ts';

/** What the RPC handlers of the upload service stand on. */
export type UploadRoutes = CreateUploadDependencies &
  StreamUploadDependencies &
  CreateImportDependencies &
  SignPartsDependencies &
  CompleteUploadDependencies & { readonly sessions: Pick<SessionStore, 'listSessions'> };

/** Registers every RPC of the upload service. */
export function uploadRoutes(dependencies: UploadRoutes): (router: ConnectRouter) => void {
  const { sessions } = dependencies;
  const rpcs: ServiceImpl<typeof UploadService> = {
    createUpload: (request) => createUpload(dependencies, request),
    streamUpload: (requests, { signal }) => streamUpload(dependencies, requests, signal),
    createImport: (request) => createImport(dependencies, request),
    signParts: (request) => signParts(dependencies, request),
    completeUpload: (request) => completeUpload(dependencies, request),
    getUpload: async ({ uploadId }) => ({ upload: (await sessions.getSession(uploadId)).upload }),
    listUploads: (request) => listUploads(sessions, request),
    cancelUpload: async ({ uploadId }) => ({ upload: (await cancelUpload(dependencies, uploadId)).upload }),
  };
  return (router) => {
    router.service(UploadService, rpcs);
  };
}
