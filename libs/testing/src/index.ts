export { freePort } from './free-port.ts';
export { type MongoServer, startMongo } from './mongo.ts';
export { type NatsOptions, type NatsServer, startNats } from './nats.ts';
export { type S3Server, startS3 } from './s3.ts';
export { type ServerProcess, type ServerSpec, startServerProcess } from './server-process.ts';
export { type TempDir, tempDir } from './temp-dir.ts';
export { type WaitOptions, waitUntil } from './wait-until.ts';
