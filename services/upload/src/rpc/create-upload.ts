import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type CreateUploadRequest,
  type CreateUploadResponseSchema,
  UploadMethod,
  UploadSpecSchema,
} from '@kerkis/contracts/upload';
import { KerkisError } from '@kerkis/errors';
import type { ObjectStore } from '@kerkis/objects';
import { checkedSpec } from '../domain/spec.ts';
import { endIfEmpty } from '../ending/end-if-empty.ts';
import type { FailSessionDependencies } from '../ending/fail-session.ts';
import { type OpenSessionDependencies, openSession } from '../open-session.ts';

/** What CreateUpload needs. */
export interface CreateUploadDependencies extends OpenSessionDependencies, FailSessionDependencies {
  readonly sessions: OpenSessionDependencies['sessions'] & FailSessionDependencies['sessions'];
  readonly observe: OpenSessionDependencies['observe'] & FailSessionDependencies['observe'];
  readonly objects: FailSessionDependencies['objects'] & Pick<ObjectStore, 'presign'>;
}

export async function createUpload(
  dependencies: CreateUploadDependencies,
  request: CreateUploadRequest,
): Promise<MessageInitShape<typeof CreateUploadResponseSchema>> {
  const presigned = request.method === UploadMethod.PRESIGNED;
  if (presigned) checkPresignable(dependencies, request);
  const opened = await openSession(dependencies, {
    requestId: request.requestId,
    method: presigned ? UploadMethod.PRESIGNED : UploadMethod.TUS,
    spec: checkedSpec(request.spec ?? create(UploadSpecSchema)),
    sizeBytes: request.sizeBytes === undefined ? undefined : Number(request.sizeBytes),
  });
  const { upload } = await endIfEmpty(dependencies, opened);
  return { upload };
}

function checkPresignable(
  { objects }: Pick<CreateUploadDependencies, 'objects'>,
  { sizeBytes }: CreateUploadRequest,
): void {
  if (!objects.presign) {
    throw new KerkisError(
      'precondition',
      'PRESIGN_UNSUPPORTED',
      'The storage is a directory, which takes no presigned parts. Upload by tus, or configure storage.kind: s3.',
    );
  }
  if (sizeBytes === undefined) {
    throw new KerkisError(
      'invalid',
      'SIZE_REQUIRED',
      'Presigned parts need the size of the file in advance.',
      {
        violations: [{ field: 'size_bytes', description: 'is required with this method' }],
      },
    );
  }
}
