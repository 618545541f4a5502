import { createClient, type Transport } from '@connectrpc/connect';
import type { Mesh } from '@kerkis/mesh';
import { createMeshTransport, type MeshTransport } from '@kerkis/rpc';

/** The way from one service to another in the same process: through the port that all of them share. */
export interface OwnPort extends AsyncDisposable {
  /** From now on calls go to this `host:port`. */
  open(address: string): void;
  /** Fails the calls that wait, unless the port was opened. */
  giveUp(): void;
  /** A service's mesh whose clients call that port. */
  reaching(mesh: Mesh): Mesh;
}

/**
 * Services are started before the port is known, and their consumers may want to call at once: such calls wait until the port
 * is open.
 */
export function createOwnPort(meshToken: string | undefined): OwnPort {
  const opened = Promise.withResolvers<string>();
  // Nobody may be waiting when it never opens.
  opened.promise.catch(() => {});
  const transports: MeshTransport[] = [];

  function transportFor({ telemetry }: Mesh): Transport {
    const connected = opened.promise.then((address) => {
      const transport = createMeshTransport({ address, meshToken, telemetry });
      transports.push(transport);
      return transport;
    });
    connected.catch(() => {});
    return {
      unary: async (...call) => (await connected).unary(...call),
      stream: async (...call) => (await connected).stream(...call),
    };
  }

  return {
    open: opened.resolve,
    giveUp: () => opened.reject(new Error('The mesh was stopped before it served.')),
    reaching(mesh) {
      const transport = transportFor(mesh);
      return { ...mesh, client: (_service, schema) => createClient(schema, transport) };
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(transports.map((transport) => transport[Symbol.asyncDispose]()));
    },
  };
}
