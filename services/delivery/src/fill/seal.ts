import { createHmac, timingSafeEqual } from 'node:crypto';

/** What one edge asks of another. */
export interface FillRequest {
  readonly path: string;
  /** `bytes=<start>-<end>`; empty for the whole object. */
  readonly range: string;
  readonly isFresh: boolean;
}

/** What the other one answers, apart from the bytes. */
export interface FillAnswer {
  readonly status: number;
  readonly etag: string;
  readonly lastModified: string;
  readonly sizeBytes: number;
  readonly bodyBytes: number;
}

/**
 * Proves that both sides know the secret of the mesh: who asks, so that no viewer gets at objects without a playback ID, and who answers, so
 * that a stranger at the address of an edge that is gone is not believed.
 */
export interface Seal {
  /** `Authorization` of a request. Good for half a minute. */
  request(request: FillRequest): string;
  accepts(request: FillRequest, authorization: string | undefined): boolean;
  /** Proof of the answer to the request that was authorized so. */
  answer(authorization: string, answer: FillAnswer): string;
  believes(authorization: string, answer: FillAnswer, proof: string | undefined): boolean;
}

const scheme = 'Kerkis-Fill';
/** Clocks of edges differ by less. */
const goodForSeconds = 30;

export function createSeal(secret: string, nowMs: () => number = Date.now): Seal {
  const key = createHmac('sha256', secret).update('kerkis delivery fill').digest();
  const sign = (parts: readonly unknown[]) =>
    createHmac('sha256', key).update(JSON.stringify(parts)).digest('base64url');
  const seconds = () => Math.floor(nowMs() / 1000);
  const signRequest = ({ path, range, isFresh }: FillRequest, at: number) =>
    sign(['request', path, range, isFresh, at]);
  const signAnswer = (authorization: string, answer: FillAnswer) => {
    const { status, etag, lastModified, sizeBytes, bodyBytes } = answer;
    return sign(['answer', authorization, status, etag, lastModified, sizeBytes, bodyBytes]);
  };
  return {
    request(request) {
      const at = seconds();
      return `${scheme} ${at}.${signRequest(request, at)}`;
    },
    accepts(request, authorization = '') {
      const [, at, signature] = /^Kerkis-Fill (\d{1,12})\.([\w-]{43})$/.exec(authorization) ?? [];
      if (at === undefined || signature === undefined) return false;
      if (Math.abs(Number(at) - seconds()) > goodForSeconds) return false;
      return isSame(signature, signRequest(request, Number(at)));
    },
    answer: signAnswer,
    believes: (authorization, answer, proof = '') => isSame(proof, signAnswer(authorization, answer)),
  };
}

function isSame(presented: string, right: string): boolean {
  const [a, b] = [Buffer.from(presented), Buffer.from(right)];
  return a.byteLength === b.byteLength && timingSafeEqual(a, b);
}
