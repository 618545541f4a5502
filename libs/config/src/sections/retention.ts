import { integer, section } from '../setting.ts';

/** How long what is over is kept. */
export const retention = section('How long what is over is kept. Assets stay until they are deleted.', {
  failedUploadHours: integer(
    { description: 'Records of failed, cancelled and expired uploads.', unit: 'hours' },
    1,
    24 * 365,
    24,
  ),
  supersededGenerationMinutes: integer(
    {
      description:
        'Generations in whose place another one plays: players that began with one go on with it for this long.',
      unit: 'minutes',
    },
    0,
    60 * 24 * 365,
    60,
  ),
  eventDays: integer({ description: 'Events in the JetStream stream.', unit: 'days' }, 1, 365, 7),
  finishedJobDays: integer({ description: 'Records of finished jobs.', unit: 'days' }, 1, 3650, 30),
});
