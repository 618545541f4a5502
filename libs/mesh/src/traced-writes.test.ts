import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openObjectStore } from '@kerkis/objects';
import { startTelemetry } from '@kerkis/telemetry';
import { startOtlpReceiver, tempDir } from '@kerkis/testing';
import { expect, test } from 'vitest';
import { tracedWrites } from './traced-writes.ts';

test('each write is a span with its key and size; a put that came second is no failure, a wrong one is', async () => {
  await using receiver = await startOtlpReceiver();
  await using directory = await tempDir();
  await using store = await openObjectStore({ kind: 'filesystem', directory: directory.path });
  {
    await using telemetry = startTelemetry({
      serviceName: 'transcode',
      version: '0',
      otlpEndpoint: receiver.endpoint,
      otlpProtocol: 'http/json',
      sampleRatio: 1,
      logLevel: 'silent',
    });
    const traced = tracedWrites(store, telemetry.forService('transcode').tracer);
    await traced.put('media/a', Buffer.from('abc'), { ifAbsent: true });
    await expect(traced.put('media/a', Buffer.from('abc'), { ifAbsent: true })).rejects.toMatchObject({
      kind: 'already_exists',
    });
    await expect(traced.put('../a', Buffer.from('abc'))).rejects.toMatchObject({ kind: 'invalid' });
    const uploadId = await traced.createMultipart('sources/b');
    const { etag } = await traced.putPart('sources/b', uploadId, 1, Buffer.from('defg'), 4, {
      offsetBytes: 0,
    });
    expect(await readdir(join(directory.path, '.multipart', uploadId))).toContain('body');
    await traced.completeMultipart('sources/b', uploadId, [{ partNumber: 1, etag }]);
    expect(await traced.getBytes('sources/b', { maxBytes: 9 })).toEqual(Buffer.from('defg'));
  }
  expect(receiver.spans.map(({ name, status, attributes }) => [name, status, attributes])).toEqual([
    ['object put', 'unset', { 'kerkis.object.key': 'media/a', 'kerkis.object.size': 3 }],
    ['object put', 'unset', { 'kerkis.object.key': 'media/a', 'kerkis.object.existed': true }],
    ['object put', 'error', expect.objectContaining({ 'kerkis.object.key': '../a' })],
    [
      'object put part',
      'unset',
      expect.objectContaining({ 'kerkis.object.part': 1, 'kerkis.object.size': 4 }),
    ],
    ['object complete', 'unset', expect.objectContaining({ 'kerkis.object.size': 4 })],
  ]);
});
