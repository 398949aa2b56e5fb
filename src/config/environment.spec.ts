// The environment: typed, frozen, and a boot that names every bad value.
import { describe, expect, it } from '@jest/globals';
import { Environment, readEnvironment } from './environment.js';

describe('readEnvironment', () => {
  it('has a default for every variable', () => {
    expect(readEnvironment({})).toEqual(new Environment());
    expect(readEnvironment({})).toMatchObject({ PORT: 8000, HOST: '127.0.0.1', MODEL_REPOSITORY: './models', ADMIN_API: false });
  });

  it('types what it reads, and trims it', () => {
    expect(readEnvironment({ PORT: ' 0 ', HOST: '0.0.0.0', LOG_LEVEL: 'debug', BODY_LIMIT_BYTES: '4096' })).toMatchObject({
      PORT: 0,
      HOST: '0.0.0.0',
      LOG_LEVEL: 'debug',
      BODY_LIMIT_BYTES: 4096,
    });
  });

  it.each([
    ['on', true],
    ['true', true],
    ['1', true],
    ['off', false],
    ['false', false],
    ['0', false],
  ])('reads the switch %s as %p', (text, value) => {
    expect(readEnvironment({ ADMIN_API: text }).ADMIN_API).toBe(value);
  });

  it('takes an empty variable for one that is not there, and passes over what is not in its table', () => {
    expect(readEnvironment({ PORT: '', HOST: '  ', PATH: '/bin', readEnvironment: 'x' })).toEqual(new Environment());
  });

  it('cannot be changed', () => {
    expect(Object.isFrozen(readEnvironment({}))).toBe(true);
  });

  it.each([
    ['PORT', 'eighty'],
    ['PORT', '80.5'],
    ['PORT', '-1'],
    ['PORT', '65536'],
    ['PORT', '0x50'],
    ['GRPC_PORT', '-1'],
    ['GRPC_API', 'perhaps'],
    ['GRPC_MAX_STREAMS', '4294967296'],
    ['LOG_LEVEL', 'loud'],
    ['BODY_LIMIT_BYTES', '10'],
    ['BODY_LIMIT_BYTES', '32MB'],
    ['SHUTDOWN_GRACE_SECONDS', '0'],
    ['SHUTDOWN_GRACE_SECONDS', '1.5'],
    ['DRAIN_SECONDS', '-1'],
    ['DRAIN_SECONDS', '601'],
    ['SLOW_REQUEST_MS', '1s'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4317'],
    ['JWT_JWKS_URL', 'https://issuer:port/keys'],
    ['REDIS_URL', 'redis://redis:port'],
    ['REDIS_URL', 'redis://redis:6379/cache'],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc'],
    ['OTEL_TRACES_EXPORTER', 'console'],
    ['OTEL_TRACES_SAMPLER', 'sometimes'],
    ['OTEL_SDK_DISABLED', 'maybe'],
    ['ADMIN_API', 'yes please'],
    ['ADMIN_API', 'constructor'],
  ])('stops the boot over %s=%s and names it', (name, value) => {
    expect(() => readEnvironment({ [name]: value })).toThrow(new RegExp(`^The environment is not valid:\\n  ${name}=`));
    if (value !== 'constructor') expect(() => readEnvironment({ [name]: value })).toThrow(`${name}=${value}: `);
  });

  it.each(['https://nestor:s3/cr@et@redis:6379', 'redis://nestor:s3/cret@redis:6379', 'redis://nestor:s3%cret@redis:6379'])(
    'does not tell the password of an address that it does not like: %s',
    (wrong) => {
      expect(() => readEnvironment({ REDIS_URL: wrong })).toThrow('REDIS_URL=***@redis:6379: must be redis://host:port');
    },
  );

  it.each(['redis://redis', 'rediss://nestor:s3%2Fcr%40et@redis:6380/2', 'redis://[::1]:6379/'])('takes the address %s', (address) => {
    expect(readEnvironment({ REDIS_URL: address }).REDIS_URL).toBe(address);
  });

  it('names all bad values at once', () => {
    expect(() => readEnvironment({ PORT: 'x', LOG_LEVEL: 'y' })).toThrow(/PORT=x: .*\n {2}LOG_LEVEL=y: /);
  });
});
