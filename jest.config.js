// All as native ES modules, the client's too. Where a spec belongs:
// beside the source what needs no port, thread or server; in test/ what starts one, two files at a time beside each other;
// in test/load/ what puts it under load or judges its time or memory, alone on the machine.
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

const served = { ...shared, globalSetup: '<rootDir>/test/setup/install.ts' };

export default {
  testTimeout: 120_000,
  maxWorkers: 2,
  projects: [
    { ...shared, displayName: 'unit', testMatch: ['<rootDir>/src/**/*.spec.ts', '<rootDir>/clients/*/src/**/*.spec.ts'] },
    {
      ...served,
      displayName: 'e2e',
      testMatch: ['<rootDir>/test/**/*.spec.ts', '<rootDir>/clients/*/test/**/*.spec.ts'],
      testPathIgnorePatterns: ['<rootDir>/test/load/'],
    },
    { ...served, displayName: 'load', testMatch: ['<rootDir>/test/load/*.spec.ts'], runner: '<rootDir>/test/setup/one-by-one.js' },
  ],
};
