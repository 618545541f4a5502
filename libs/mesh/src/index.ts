export { type ChangeFeed, createChangeFeed } from './change-feed.ts';
export type { Mesh, MeshService, RunningService, StartService } from './mesh.ts';
export { type ReconcilerOptions, startReconciler } from './reconciler.ts';
export { openResources, type ResourceOptions, type Resources } from './resources.ts';
export { type MainProcess, runService, type ServiceProcesses } from './run-service.ts';
export { serverSettings } from './server-settings.ts';
export { untilSignal } from './until-signal.ts';
export { version } from './version.ts';
