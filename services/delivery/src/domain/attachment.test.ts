import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { attachment, attachmentName } from './attachment.ts';

describe('the name of a download', () => {
  const files = ['720p.mp4', '360p.mp4', 'audio.m4a'];
  test.each([
    ['A film', 'audio.m4a', 'A film.m4a'],
    ['A film', '720p.mp4', 'A film (720p).mp4'],
    ['holiday.MOV', 'audio.m4a', 'holiday.m4a'],
    ['Vol. 2.5', 'audio.m4a', 'Vol. 2.5.m4a'],
    ['', 'audio.m4a', 'audio.m4a'],
    [' ../..\\ ', 'audio.m4a', '_.._.m4a'],
    ['\u202egpj.exe\u0000\n', 'audio.m4a', 'gpj.exe.m4a'],
    ['Κερκίς: «α»', 'audio.m4a', 'Κερκίς_ «α».m4a'],
  ])('of %j as %j is %j', (title, file, name) => {
    expect(attachmentName(title, file, files)).toBe(name);
  });

  test('is a header that says the same to every client', () => {
    expect(attachment('Ärger "1".mp4')).toBe(
      'attachment; filename="Arger _1_.mp4"; filename*=UTF-8\'\'%C3%84rger%20%221%22.mp4',
    );
    expect(attachment("it's (1)*.mp4")).toContain("filename*=UTF-8''it%27s%20%281%29%2A.mp4");
  });

  test('is safe, whatever the title', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (title) => {
        const name = attachmentName(title, 'audio.m4a', files);
        expect(name).toMatch(/^[^./\\\p{C}][^/\\:*?"<>|\p{C}]*\.m4a$/u);
        const header = attachment(name);
        expect(header).toMatch(/^attachment; filename="[^"\\%]+"; filename\*=UTF-8''[A-Za-z0-9%._~!-]+$/);
        expect(header).toMatch(/^[\x20-\x7e]+$/);
        expect(decodeURIComponent(header.split("''")[1] ?? '')).toBe(name);
      }),
      { numRuns: 500 },
    );
  });
});
