// Unit specs beside the source, end-to-end specs in test/ against the built server; both as native ES modules, the client's too.
const swc = [
  '@swc/jest',
  {
    jsc: {
      target: 'es2024',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true },
    },
    module: { type: 'es6' },
  },
];

const shared = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': swc },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  // CommonJS packages that require Nest fail as a cycle unless Nest is there first.
  setupFiles: ['<rootDir>/test/setup/nest.ts'],
};

export default {
  testTimeout: 60_000,
  // Servers under load share the machine with what measures them: one file at a time.
  maxWorkers: 1,
  projects: [
    { ...shared, displayName: 'unit', testMatch: ['<rootDir>/src/**/*.spec.ts', '<rootDir>/clients/*/src/**/*.spec.ts'] },
    { ...shared, displayName: 'e2e', testMatch: ['<rootDir>/test/**/*.spec.ts', '<rootDir>/clients/*/test/**/*.spec.ts'] },
  ],
};
