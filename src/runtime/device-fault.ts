// Which words of ONNX Runtime mean that the device is lost to this process: no later run can succeed, only a new process can.

/**
 * Errors after which the CUDA context is corrupt and every later call fails with them ("sticky"); running out of memory or a refused
 * kernel launch is not among them. Names and numbers: cudaError in https://docs.nvidia.com/cuda/cuda-runtime-api/group__CUDART__TYPES.html
 */
const STICKY_NUMBERS = new Set([
  214, // cudaErrorECCUncorrectable
  220, // cudaErrorNvlinkUncorrectable
  700, // cudaErrorIllegalAddress
  702, // cudaErrorLaunchTimeout
  709, // cudaErrorContextIsDestroyed
  710, // cudaErrorAssert
  714, // cudaErrorHardwareStackError
  715, // cudaErrorIllegalInstruction
  716, // cudaErrorMisalignedAddress
  717, // cudaErrorInvalidAddressSpace
  718, // cudaErrorInvalidPc
  719, // cudaErrorLaunchFailure
]);

/** The same as libraries in between word them, which leave the number out. */
const STICKY_TEXTS =
  /illegal memory access|device-side assert|unspecified launch failure|launch timed out and was terminated|uncorrectable (ECC|NVLink) error|hardware stack error|illegal instruction was encountered|misaligned address|context is destroyed|GPU is lost|fallen off the bus/i;

/** "CUDA failure 700: ..." and "CUDA error 719: ...", as ONNX Runtime's providers begin. */
const NUMBER = /CUDA (?:failure|error):? (\d+)/gi;

export function isDeviceFault(reason: string): boolean {
  return STICKY_TEXTS.test(reason) || [...reason.matchAll(NUMBER)].some(([, number]) => STICKY_NUMBERS.has(Number(number)));
}
