/** A source of numbers that is the same for the same seed. */
export function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  // Mulberry32, in the public domain.
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const methods = [
  'GET',
  'GET',
  'GET',
  'GET',
  'HEAD',
  'POST',
  'OPTIONS',
  'get',
  'GETT',
  'PRI',
  'CONNECT',
  'PUT',
];
const targets = [
  '/v/pbk_00000000000000000000000000000001/master.m3u8',
  '/v/pbk_00000000000000000000000000000001/video/h264-720p/12.m4s?g=AAAAAAAAAAAAAAAAAAAAAA',
  '/v/x/1.m4s?g=a&token=eyJhbGciOiJFZERTQSJ9.e30.c2ln',
  '/',
  '//host/path',
  '*',
  'http://host/path',
  '/a b',
  '/a\tb',
  '/%00%ff',
  '/#fragment',
  '/a?b#c',
  '/é',
  '/"<>^`{|}\\',
  '/a\x7f',
  '',
];
const versions = [
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/2.0',
  'HTTP/1.1 ',
  'http/1.1',
  'HTTP/1.2',
  '',
];
const usual = [
  'Host: edge.example',
  'Connection: keep-alive',
  'sec-ch-ua: "Chromium";v="140", "Not=A?Brand";v="24"',
  'sec-ch-ua-mobile: ?0',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36',
  'Accept: */*',
  'Sec-Fetch-Site: same-origin',
  'Sec-Fetch-Mode: cors',
  'Referer: http://edge.example/play/x',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Accept-Language: en-GB,en;q=0.9',
];
const odd = [
  'Range: bytes=0-99',
  'If-None-Match: "a", W/"b"',
  'Host: other.example',
  'host:edge.example',
  'Host : edge.example',
  ' Host: folded',
  '\tfolded',
  'Content-Length: 0',
  'Content-Length: 5',
  'Content-Length: 5, 5',
  'Content-Length: +5',
  'Content-Length: 0x5',
  'content-length: 18446744073709551616',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: identity',
  'transfer-encoding: gzip, chunked',
  'Transfer-Encoding : chunked',
  'Connection: close',
  'Connection: Upgrade',
  'Connection: keep-alive, x-a',
  'Connection:',
  'Proxy-Connection: close',
  'Upgrade: websocket',
  'Upgrade: h2c',
  'Expect: 100-continue',
  'Expect: 200-ok',
  'Trailer: x',
  'TE: trailers',
  'Keep-Alive: timeout=5',
  'Set-Cookie: a=b',
  'Cookie: kerkis_token=abc; other=1',
  'Cookie: a',
  'Authorization: Bearer abc.def.ghi',
  'X-Empty:',
  'X-Spaces:   several  ',
  'X-Tab:\ttab\t',
  'X-Inner: a\tb',
  'X-Nul: a\0b',
  'X-Nul\0: a',
  'X-High: \xe9\xff',
  'X-Héader: a',
  'X-Under_score: a',
  '__proto__: a',
  'constructor: a',
  'hasOwnProperty: a',
  'X-Colon: a: b:c',
  'X-Cr: a\rb',
  'X-Lf: a\nInjected: b',
  ': nameless',
  'no colon',
  '',
  'Accept: text/html',
  'accept: */*',
];
const ends = ['\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\n', '\r', '\r\r\n', '\n\n'];
const tails = [
  '',
  '',
  '',
  '',
  'hello',
  '0\r\n\r\n',
  '5\r\nhello\r\n0\r\n\r\n',
  '\r\n',
  '\n',
  '\0',
  'GET',
  'G',
];

/** Bytes that a client may send on a connection: whole requests, several of them, odd ones, halves. Each character is a byte. */
export function oddInput(random: (below: number) => number): string {
  const count = random(4) === 0 ? 1 + random(4) : 1;
  let text = '';
  for (let request = 0; request < count; request++) text += oddRequest(random);
  if (random(3) === 0) text = mutated(text, random);
  return text;
}

function oddRequest(random: (below: number) => number): string {
  // Half of them are what browsers send.
  const isUsual = random(2) === 0;
  const end = () => (isUsual || random(40) > 0 ? '\r\n' : pick(ends, random));
  const method = isUsual ? pick([...methods.slice(0, 5), 'OPTIONS'], random) : pick(methods, random);
  const target = isUsual ? pick(targets.slice(0, 4), random) : pick(targets, random);
  const version = isUsual ? 'HTTP/1.1' : pick(versions, random);
  const gap = isUsual || random(30) > 0 ? ' ' : pick(['  ', '\t', ''], random);
  const fields = isUsual ? [...usual] : usual.filter(() => random(3) > 0);
  for (let extra = random(isUsual ? 2 : 4); extra > 0; extra--)
    fields.splice(random(fields.length + 1), 0, pick(odd, random));
  if (random(200) === 0) fields.push(`X-Long: ${'a'.repeat(random(20_000))}`);
  if (random(400) === 0)
    for (let index = random(120); index > 0; index--) fields.push(`X-Many-${index}: ${index}`);
  const head = `${method}${gap}${target}${gap}${version}${end()}`;
  const body = isUsual ? '' : pick(tails, random);
  return `${head}${fields.map((field) => field + end()).join('')}${end()}${body}`;
}

function mutated(text: string, random: (below: number) => number): string {
  const at = random(text.length + 1);
  const byte = String.fromCharCode(
    random(4) === 0 ? pick([0, 9, 10, 11, 12, 13, 32, 58, 127, 128, 255], random) : random(256),
  );
  switch (random(5)) {
    case 0:
      return text.slice(0, at) + byte + text.slice(at);
    case 1:
      return text.slice(0, at) + byte + text.slice(at + 1);
    case 2:
      return text.slice(0, at) + text.slice(at + 1 + random(3));
    case 3:
      return text.slice(0, at);
    default: {
      const from = random(text.length + 1);
      return text.slice(0, at) + text.slice(from, from + random(40)) + text.slice(at);
    }
  }
}

function pick<T>(values: readonly T[], random: (below: number) => number): T {
  return values[random(values.length)] as T;
}
