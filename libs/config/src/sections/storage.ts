import { choice, flag, httpUrl, optionalText, section, text } from '../setting.ts';

/** Where sources and segments are kept. */
export const storage = section('Where sources and segments are kept.', {
  kind: choice(
    { description: 'filesystem: a directory that all services share. s3: a bucket.' },
    ['filesystem', 's3'],
    'filesystem',
  ),
  directory: optionalText({
    description: 'Directory of the objects, for kind: filesystem.',
    absent: '<dataDirectory>/objects',
  }),
  s3: section('The bucket, for kind: s3.', {
    endpoint: optionalText(
      {
        description: 'Address of the S3 server as the services reach it. Required for kind: s3.',
        absent: 'no S3',
      },
      httpUrl,
    ),
    publicEndpoint: optionalText(
      {
        description: 'Address of the same server as clients reach it; presigned addresses start with it.',
        absent: 'storage.s3.endpoint',
      },
      httpUrl,
    ),
    region: text({ description: 'Region that requests are signed for.' }, 'us-east-1', {
      pattern: /^[A-Za-z0-9-]+$/,
      form: 'letters, digits and dashes',
    }),
    bucket: optionalText(
      { description: 'Name of the bucket. Required for kind: s3.', absent: 'no S3' },
      {
        pattern: /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
        form: '3 to 63 lower-case letters, digits, dots and dashes',
      },
    ),
    accessKeyId: optionalText({
      description: 'Access key. Required for kind: s3.',
      absent: 'no S3',
      secret: true,
    }),
    secretAccessKey: optionalText({
      description: 'Secret of the access key. Required for kind: s3.',
      absent: 'no S3',
      secret: true,
    }),
    forcePathStyle: flag(
      {
        description:
          'Put the bucket in the path instead of the host name. Almost every server but AWS needs it.',
      },
      true,
    ),
    createBucket: flag({ description: 'Create the bucket at start when it does not exist.' }, false),
  }),
});
