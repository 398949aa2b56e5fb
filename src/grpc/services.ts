// The services as @grpc/grpc-js wants them, out of the descriptors that buf generated.
import { toBinary, type DescService } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import type { loadPackageDefinition, ServiceDefinition } from '@grpc/grpc-js';
import { Health } from './health_pb.js';
import { GRPCInferenceService } from './inference_pb.js';
import { parseMessage } from '../oip/message.js';
import { serialize } from './message.js';

type PackageDefinition = Parameters<typeof loadPackageDefinition>[0];

export const SERVICES: readonly DescService[] = [GRPCInferenceService, Health];

/** By full name. */
export function packageDefinition(): PackageDefinition {
  return Object.fromEntries(SERVICES.map((service) => [service.typeName, serviceDefinition(service)]));
}

/** Requests stay bytes: the handler parses them, so that its errors get a status. */
function serviceDefinition({ methods, typeName }: DescService): ServiceDefinition {
  const definitions = methods.map(({ name, input, output, methodKind }) => {
    const definition = {
      path: `/${typeName}/${name}`,
      requestStream: methodKind === 'client_streaming' || methodKind === 'bidi_streaming',
      responseStream: methodKind === 'server_streaming' || methodKind === 'bidi_streaming',
      requestSerialize: serialize(input),
      requestDeserialize: (bytes: Buffer) => bytes,
      responseSerialize: serialize(output),
      responseDeserialize: (bytes: Buffer) => parseMessage(output, bytes, 'message'),
    };
    return [name, definition] as const;
  });
  return Object.fromEntries(definitions);
}

/** The files that declare the services, for server reflection. */
export function fileDescriptors(): PackageDefinition {
  const bytes = ({ file }: DescService): Buffer => Buffer.from(toBinary(FileDescriptorProtoSchema, file.proto));
  return Object.fromEntries(
    SERVICES.map((service) => [
      service.typeName,
      { format: 'Protocol Buffer 3 FileDescriptorProto', type: {}, fileDescriptorProtos: [bytes(service)] },
    ]),
  );
}
