// What the package offers.
export { NestorClient, type EmbedOptions, type VersionedPredictOptions } from './client.js';
export type { Check, Health, ModelCard, ModelDetails, TensorSpec } from './description.js';
export type { EmbedInput } from './embeddings.js';
export { NestorError, type Circumstances, type ErrorCode } from './error.js';
export type { Model, PredictOptions } from './model.js';
export type { Classification, Prediction, Predictions } from './prediction.js';
export type { AnySignature, DataOf, Datatype, Float16, Signature, Tensor, TensorInput, TensorInputs, Tensors } from './tensor.js';
export type { CallOptions, ClientOptions } from './transport.js';
