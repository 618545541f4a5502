/** Answer of a tus request. */
export interface TusAnswer {
  readonly status: number;
  /** Absolute address of the upload, of a creation that went well. */
  readonly location: string;
  /** Body of a refusal: `{kind, reason, message, …}`. */
  readonly error: { readonly reason?: string; readonly message?: string };
}

const version = { 'tus-resumable': '1.0.0' };

/** Creates an upload of this size with this metadata. */
export function createTus(
  server: string,
  sizeBytes: number,
  metadata: Record<string, string>,
): Promise<TusAnswer> {
  const pairs = Object.entries(metadata).map(
    ([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`,
  );
  const headers = { 'upload-length': `${sizeBytes}`, 'upload-metadata': pairs.join(',') };
  return send(`${server}/upload/tus`, 'POST', headers);
}

/** Sends bytes of an upload. */
export function patchTus(
  location: string,
  offsetBytes: number,
  bytes: Uint8Array<ArrayBuffer>,
  more: Record<string, string> = {},
): Promise<TusAnswer> {
  const headers = {
    'upload-offset': `${offsetBytes}`,
    'content-type': 'application/offset+octet-stream',
    ...more,
  };
  return send(location, 'PATCH', headers, bytes);
}

async function send(
  url: string,
  method: string,
  headers: Record<string, string>,
  body?: Uint8Array<ArrayBuffer>,
): Promise<TusAnswer> {
  const response = await fetch(url, { method, headers: { ...version, ...headers }, ...(body && { body }) });
  const text = await response.text();
  return {
    status: response.status,
    location: new URL(response.headers.get('location') ?? '', url).href,
    error: text === '' ? {} : JSON.parse(text),
  };
}
