import { integer, optionalText, section } from '../setting.ts';

/** The event bus. */
export const nats = section('The event bus: a NATS server with JetStream.', {
  url: optionalText(
    {
      description: 'Servers to connect to, several separated by commas: nats://a:4222,nats://b:4222.',
      absent: 'a nats-server child process on loopback (standalone only)',
      secret: true,
    },
    {
      pattern: /^(nats|tls):\/\/[^\s,]+(,(nats|tls):\/\/[^\s,]+)*$/,
      form: 'nats://host:4222 or tls://host:4222, several separated by commas',
    },
  ),
  serverBinary: optionalText({
    description: 'Program that is started as the child: a path, or a name that is looked up in PATH.',
    absent: 'nats-server from PATH, or the one that the set-up built',
  }),
  storeDirectory: optionalText({
    description: "Directory of the child's JetStream store.",
    absent: '<dataDirectory>/nats',
  }),
  replicas: integer(
    {
      description:
        'Copies of each stream in the NATS cluster; an odd number not above the number of servers.',
      unit: 'copies',
    },
    1,
    5,
    1,
  ),
  user: optionalText({ description: 'User name, together with nats.password.', absent: 'no user name' }),
  password: optionalText({ description: 'Password of nats.user.', absent: 'no password', secret: true }),
  token: optionalText({
    description: 'Token, instead of user and password.',
    absent: 'no token',
    secret: true,
  }),
  credsFile: optionalText({
    description: 'Path of a .creds file (JWT and NKey), instead of user or token.',
    absent: 'no credentials file',
  }),
});
