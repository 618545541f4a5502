import {
  clone,
  createFileRegistry,
  createRegistry,
  type DescFile,
  type DescService,
  type MessageInitShape,
  type Registry,
  toBinary,
} from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { Code, type ConnectRouter, type ServiceImpl } from '@connectrpc/connect';
import {
  file_grpc_reflection_v1_reflection,
  ServerReflection,
  type ServerReflectionRequest,
  type ServerReflectionResponseSchema,
} from '@kerkis/contracts/grpc/reflection';

type Answer = NonNullable<MessageInitShape<typeof ServerReflectionResponseSchema>['messageResponse']>;

/**
 * Server reflection, so that tools like grpcurl and `buf curl` need no .proto files. v1, and v1alpha for older tools.
 * https://github.com/grpc/grpc/blob/master/doc/server-reflection.md
 */
export function reflectionRoutes(services: () => readonly DescService[]): (router: ConnectRouter) => void {
  let answerer: ((request: ServerReflectionRequest) => Answer) | undefined;
  const implementation: ServiceImpl<typeof ServerReflection> = {
    async *serverReflectionInfo(requests) {
      answerer ??= createAnswerer(services());
      for await (const request of requests) {
        yield { validHost: request.host, originalRequest: request, messageResponse: answerer(request) };
      }
    },
  };
  return (router) => {
    router.service(ServerReflection, implementation);
    // The same messages on the wire; only the package has another name.
    router.service(alphaService(), implementation);
  };
}

function createAnswerer(services: readonly DescService[]): (request: ServerReflectionRequest) => Answer {
  const files = new Map<string, DescFile>();
  const collect = (file: DescFile): void => {
    if (files.has(fileName(file))) return;
    files.set(fileName(file), file);
    file.dependencies.forEach(collect);
  };
  for (const { file } of services) collect(file);
  const registry = createRegistry(...files.values());
  return ({ messageRequest: request }) => {
    switch (request.case) {
      case 'listServices': {
        const names = services.map(({ typeName }) => ({ name: typeName }));
        return { case: 'listServicesResponse', value: { service: names } };
      }
      case 'fileByFilename':
        return filesAnswer(files.get(request.value));
      case 'fileContainingSymbol':
        return filesAnswer(fileOfSymbol(registry, request.value));
      case 'fileContainingExtension': {
        const { containingType, extensionNumber } = request.value;
        return filesAnswer(
          extensionsOf(registry, containingType).find((it) => it.number === extensionNumber)?.file,
        );
      }
      case 'allExtensionNumbersOfType': {
        const numbers = extensionsOf(registry, request.value).map((it) => it.number);
        return {
          case: 'allExtensionNumbersResponse',
          value: { baseTypeName: request.value, extensionNumber: numbers },
        };
      }
      default:
        return refusal(Code.Unimplemented, 'This server knows no such reflection request.');
    }
  };
}

function filesAnswer(file: DescFile | undefined): Answer {
  if (!file) return refusal(Code.NotFound, 'This server has no such file or symbol.');
  const all = new Set<DescFile>();
  const collect = (it: DescFile): void => {
    if (all.has(it)) return;
    all.add(it);
    it.dependencies.forEach(collect);
  };
  collect(file);
  const bytes = [...all].map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto));
  return { case: 'fileDescriptorResponse', value: { fileDescriptorProto: bytes } };
}

function refusal(errorCode: Code, errorMessage: string): Answer {
  return { case: 'errorResponse', value: { errorCode, errorMessage } };
}

/** Symbols are types, and also methods and fields: `pkg.Service.Method`. */
function fileOfSymbol(registry: Registry, symbol: string): DescFile | undefined {
  return (registry.get(symbol) ?? registry.get(symbol.slice(0, Math.max(0, symbol.lastIndexOf('.')))))?.file;
}

function extensionsOf(registry: Registry, typeName: string) {
  return [...registry].filter(
    (it) => it.kind === 'extension' && it.extendee.typeName === typeName,
  ) as Extract<ReturnType<Registry['get']>, { kind: 'extension' }>[];
}

function fileName(file: DescFile): string {
  return file.proto.name;
}

function alphaService(): typeof ServerReflection {
  const proto = clone(FileDescriptorProtoSchema, file_grpc_reflection_v1_reflection.proto);
  proto.name = 'grpc/reflection/v1alpha/reflection.proto';
  proto.package = 'grpc.reflection.v1alpha';
  const rename = (typeName: string) => typeName.replace('.grpc.reflection.v1.', '.grpc.reflection.v1alpha.');
  for (const field of proto.messageType.flatMap((it) => it.field)) field.typeName = rename(field.typeName);
  for (const method of proto.service.flatMap((it) => it.method)) {
    method.inputType = rename(method.inputType);
    method.outputType = rename(method.outputType);
  }
  const registry = createFileRegistry(proto, () => undefined);
  const service = registry.getService('grpc.reflection.v1alpha.ServerReflection');
  if (!service) throw new Error('grpc.reflection.v1alpha.ServerReflection could not be derived from v1');
  return service as typeof ServerReflection;
}
