// The server and its models as the Open Inference Protocol describes them.
import { VERSION } from '../config/version.js';
import type { Model } from '../models/model.js';
import type { TensorSpec } from '../models/signature.js';
import type { VersionPolicy } from '../models/versions.js';

export const SERVER = {
  name: 'nestor',
  version: VERSION,
  extensions: ['binary_tensor_data', 'model_repository', 'model_configuration', 'statistics', 'schedule_policy'],
} as const;

export interface TensorMetadata {
  readonly name: string;
  readonly datatype: string;
  /** -1 where an axis is free. */
  readonly shape: readonly number[];
}

export interface ModelMetadata {
  readonly name: string;
  readonly versions: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
}

export function modelMetadata({ name, signature }: Model, versions: readonly Model[]): ModelMetadata {
  const tensor = ({ name: tensorName, datatype, shape }: TensorSpec): TensorMetadata => ({ name: tensorName, datatype, shape });
  return {
    name,
    versions: versions.map(({ version }) => version),
    platform: 'onnx_onnxv1',
    inputs: signature.inputs.map(tensor),
    outputs: signature.outputs.map(tensor),
  };
}

interface TensorConfig {
  readonly name: string;
  readonly data_type: string;
  readonly dims: readonly number[];
  /** A scalar has one dimension in `dims` and none here. */
  readonly reshape?: { readonly shape: readonly number[] };
}

type PolicyConfig =
  | { readonly all: object }
  | { readonly latest: { readonly num_versions: number } }
  | { readonly specific: { readonly versions: readonly number[] } };

export interface ModelConfig {
  readonly name: string;
  readonly platform: string;
  readonly backend: string;
  readonly version_policy: PolicyConfig;
  readonly max_batch_size: number;
  readonly input: readonly TensorConfig[];
  readonly output: readonly TensorConfig[];
  readonly instance_group: readonly { readonly name: string; readonly kind: string; readonly count: number }[];
  readonly default_model_filename: string;
}

/**
 * As `config.pbtxt` would say it, https://github.com/triton-inference-server/common/blob/main/protobuf/model_config.proto.
 * @param policy of the model's versions.
 */
export function modelConfig({ name, signature, layout, maxRows, provider, instances }: Model, policy: VersionPolicy): ModelConfig {
  const tensor = (spec: TensorSpec): TensorConfig => {
    const dims = layout.batches ? spec.shape.slice(1) : spec.shape;
    const type = `TYPE_${spec.datatype === 'BYTES' ? 'STRING' : spec.datatype}`;
    return { name: spec.name, data_type: type, ...(dims.length > 0 ? { dims } : { dims: [1], reshape: { shape: [] } }) };
  };
  return {
    name,
    platform: 'onnxruntime_onnx',
    backend: 'onnxruntime',
    version_policy: policyConfig(policy),
    max_batch_size: layout.batches ? maxRows : 0,
    input: signature.inputs.map(tensor),
    output: signature.outputs.map(tensor),
    instance_group: [{ name, kind: provider === 'cpu' ? 'KIND_CPU' : 'KIND_GPU', count: instances.alive.wanted }],
    default_model_filename: 'model.onnx',
  };
}

function policyConfig(policy: VersionPolicy): PolicyConfig {
  if (policy === 'all') return { all: {} };
  return 'latest' in policy ? { latest: { num_versions: policy.latest } } : { specific: { versions: policy.map(Number) } };
}
