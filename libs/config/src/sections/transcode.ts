import { byteSize, choice, flag, integer, optionalInteger, optionalText, section } from '../setting.ts';

/** How encoding work is planned and done. */
export const transcode = section('How encoding work is planned and done.', {
  role: choice(
    {
      description: 'What this process does: planner (probe, plan, track progress), worker (encode), or both.',
    },
    ['all', 'planner', 'worker'],
    'all',
  ),
  worker: section('The encoding side.', {
    slots: optionalInteger(
      {
        description: 'Encodes that run at a time.',
        unit: 'encodes',
        absent: 'one for each CPU that this process may use',
      },
      1,
      256,
    ),
    threadsPerJob: integer({ description: 'Encoder threads of one encode.', unit: 'threads' }, 1, 64, 1),
    niceness: integer(
      {
        description:
          'How far encodes step back behind everything else on the machine, except those that a viewer waits for and the very first of an asset.',
        unit: 'nice steps',
      },
      0,
      19,
      15,
    ),
    sandbox: choice(
      {
        description:
          'Run ffmpeg without network and without the rest of the file system, through bubblewrap. auto: where it works. required: refuse to start where it does not.',
      },
      ['auto', 'off', 'required'],
      'auto',
    ),
    memoryBytes: byteSize(
      { description: 'Address space that one ffmpeg process may take.' },
      '256MiB',
      '256GiB',
      '4GiB',
    ),
    timeoutFactor: integer(
      {
        description:
          'An encode is killed when it takes more than this many times the duration of its media, and at least one minute.',
        unit: 'times the media duration',
      },
      1,
      10_000,
      60,
    ),
    scratchDirectory: optionalText({
      description: 'Directory of unfinished work. It is emptied at start.',
      absent: '<dataDirectory>/scratch',
    }),
  }),
  planner: section('The planning side.', {
    windowChunks: integer(
      {
        description:
          'Bulk chunks that wait in the queue at a time, shared by the jobs that run; each has one at least. Few keep jobs fair to each other.',
        unit: 'chunks',
      },
      1,
      1000,
      8,
    ),
    urgentSegments: integer(
      {
        description: 'Segments that are made at once when a viewer waits for one that does not exist yet.',
        unit: 'segments',
      },
      1,
      32,
      3,
    ),
    reuse: flag(
      {
        description:
          'Media that was made of an equal source with an equal profile is copied instead of encoded once more.',
      },
      true,
    ),
    encodeWhileUploading: flag(
      {
        description:
          'Begin to encode while a source is still being uploaded, when nothing else is to be done, where its container tells at the beginning what it holds. Needs storage in a directory.',
      },
      true,
    ),
    chunkSeconds: integer(
      {
        description: 'Length of a chunk, the unit of encoding work, rounded to whole segments.',
        unit: 'seconds',
      },
      1,
      600,
      24,
    ),
    maxAttempts: integer(
      { description: 'Attempts at one chunk before its job fails.', unit: 'attempts' },
      1,
      20,
      3,
    ),
    leaseSeconds: integer(
      {
        description: 'How long a worker may be silent before its chunk is given to another one.',
        unit: 'seconds',
      },
      5,
      3600,
      20,
    ),
  }),
});
