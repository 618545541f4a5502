import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ListUploadsRequest, ListUploadsResponseSchema } from '@kerkis/contracts/upload';
import type { SessionStore } from '../store/sessions.ts';

export async function listUploads(
  sessions: Pick<SessionStore, 'listSessions'>,
  { state, pageSize, pageToken }: ListUploadsRequest,
): Promise<MessageInitShape<typeof ListUploadsResponseSchema>> {
  const page = await sessions.listSessions({ state, pageSize: pageSize || 50, pageToken });
  return { uploads: page.sessions.map(({ upload }) => upload), nextPageToken: page.nextPageToken };
}
