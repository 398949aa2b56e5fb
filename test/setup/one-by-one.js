// Jest's own runner, but one spec file at a time, whatever the workers of the run.
import TestRunner from 'jest-runner';

export default class OneByOne extends TestRunner {
  isSerial = true;
}
