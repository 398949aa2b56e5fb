// Words of the CUDA and TensorRT providers: which of them end the process, and which end one request.
import { expect, it } from '@jest/globals';
import { isDeviceFault } from './device-fault.js';

it.each([
  'Non-zero status code returned while running Gemm node. Name:"fc" Status Message: CUDA failure 700: an illegal memory access was encountered ; GPU=0 ; hostname=node ; file=cuda_call.cc ; line=129 ; expr=cudaStreamSynchronize(stream);',
  'CUDA error 719: something unheard of',
  'CUDA failure 710: device-side assert triggered ; GPU=0',
  'CUDA failure 214: uncorrectable ECC error encountered ; GPU=0',
  'CUBLAS failure 13: CUBLAS_STATUS_EXECUTION_FAILED ; a first CUDA failure 716: misaligned address',
  '[TRT] [E] IExecutionContext::enqueueV3: Error Code 1: Cuda Runtime (unspecified launch failure)',
  'Unable to determine the device handle: GPU is lost. Reboot the system to recover this GPU',
])('takes the device for lost: %s', (reason) => {
  expect(isDeviceFault(reason)).toBe(true);
});

it.each([
  'CUDA failure 2: out of memory ; GPU=0 ; hostname=node ; expr=cudaMalloc((void**)&p, size);',
  'CUDA failure 701: too many resources requested for launch',
  'CUDA failure 7000: no such number',
  'Got invalid dimensions for input: pixels for the following indices index: 1 Got: 700 Expected: 719',
  'Failed to allocate memory for requested buffer of size 719',
  '',
])('takes the device for sound: %s', (reason) => {
  expect(isDeviceFault(reason)).toBe(false);
});
