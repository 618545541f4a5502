import type { KerkisConfig } from '@kerkis/config';
import type { ServerOptions } from '@kerkis/rpc';

/** What a server takes from the configuration, whichever services it carries. */
export function serverSettings({
  server,
  delivery,
}: KerkisConfig): Pick<ServerOptions, 'host' | 'port' | 'limits' | 'secure' | 'drainMs' | 'allowedOrigins'> {
  const { limits, tls } = server;
  const { certFile, keyFile, port } = tls;
  return {
    host: server.host,
    port: server.port,
    drainMs: server.drainSeconds * 1000,
    allowedOrigins: server.corsOrigins,
    ...(certFile !== undefined && keyFile !== undefined && { secure: { certFile, keyFile, port } }),
    limits: {
      maxConnections: limits.connections,
      maxConnectionsPerAddress: limits.connectionsPerAddress,
      trustedProxies: delivery.trustedProxies,
      maxRequests: limits.requests,
      maxDelayMs: limits.delayMs,
      headersTimeoutMs: limits.headersSeconds * 1000,
      stallTimeoutMs: limits.idleSeconds * 1000,
      maxUnsentBytes: limits.unsentBytes,
    },
  };
}
