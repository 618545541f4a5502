export {
  type ApiKey,
  apiKeyVerifier,
  hashApiKey,
  meshKey,
  type Principal,
  type Verifier,
} from './api-key.ts';
export { errorDomain, fromConnectError, toConnectError } from './error-mapping.ts';
export type { FastAnswer, FastHandler, FastRequest } from './fast-path/fast-handler.ts';
export { principalKey, requiredScope } from './gate.ts';
export { pathOf, sendHttpError, sendJson } from './http-endpoints.ts';
export { traceRequest } from './http-trace.ts';
export {
  createMeshTransport,
  inheritCall,
  type MeshTransport,
  type MeshTransportOptions,
} from './mesh-transport.ts';
export type { PortLimits, TlsFiles } from './port.ts';
export { type RunningServer, type ServerLimits, type ServerOptions, startServer } from './server.ts';
export type { HttpHandler, ReadinessCheck, ServiceParts } from './service-parts.ts';
