import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type CreateImportRequest,
  type CreateImportResponseSchema,
  UploadMethod,
  UploadSpecSchema,
} from '@kerkis/contracts/upload';
import { KerkisError } from '@kerkis/errors';
import { checkedImportUrl, fileNameOfUrl } from '../domain/import-url.ts';
import { isReceiving } from '../domain/session.ts';
import { checkedSpec } from '../domain/spec.ts';
import type { Importer } from '../import/importer.ts';
import { type OpenSessionDependencies, openSession } from '../open-session.ts';

/** What CreateImport needs. */
export interface CreateImportDependencies extends OpenSessionDependencies {
  readonly importer: Pick<Importer, 'start'>;
  readonly importEnabled: boolean;
}

export async function createImport(
  dependencies: CreateImportDependencies,
  request: CreateImportRequest,
): Promise<MessageInitShape<typeof CreateImportResponseSchema>> {
  if (!dependencies.importEnabled) {
    throw new KerkisError(
      'precondition',
      'IMPORT_DISABLED',
      'Imports by URL are switched off here (upload.import.enabled). Upload the file instead.',
    );
  }
  const url = checkedImportUrl(request.url);
  const spec = request.spec ?? create(UploadSpecSchema);
  const session = await openSession(dependencies, {
    requestId: request.requestId,
    method: UploadMethod.IMPORT,
    spec: checkedSpec({ ...spec, fileName: spec.fileName || fileNameOfUrl(url) }),
    importUrl: url.href,
  });
  if (isReceiving(session)) dependencies.importer.start(session.upload.id);
  return { upload: session.upload };
}
