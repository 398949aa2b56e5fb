// Who says how many pods there are: the chart, or what scales them; no upgrade and no rollback of an autoscaled release cuts them.
import { describe, expect, it } from '@jest/globals';
import { find, render } from './helm/chart.js';
import { renderOver, type Live } from './helm/cluster.js';
import { helm } from './setup/tools.js';

const binary = helm() ?? '';
const withHelm = binary ? describe : describe.skip;

const FIXED = { access: { open: true }, deployment: { replicas: 3 } };
const AUTOSCALED = { access: { open: true }, autoscaling: { enabled: true } };
const FROM_CHART = { 'nestor/replicas': 'chart' };

/** What a release says of the number of its pods. */
async function told(values: object, live?: Live): Promise<unknown[]> {
  const { metadata, spec } = find(await (live ? renderOver(binary, live, values) : render(binary, values)), 'Deployment', 'r-nestor');
  return [spec.replicas, metadata.annotations];
}

const running = (replicas: number, annotations?: Live['metadata']['annotations']): Live => ({
  metadata: { name: 'r-nestor', ...(annotations && { annotations }) },
  spec: { replicas },
});

withHelm('the number of pods', () => {
  it('is that of the values without autoscaling, and the Deployment says that the chart gave it', async () => {
    expect(await told(FIXED)).toEqual([3, FROM_CHART]);
    expect(await told(FIXED, running(7))).toEqual([3, FROM_CHART]);
  });

  it('is in no release of a fleet that was installed with autoscaling: a rollback finds nothing to take away', async () => {
    expect(await told(AUTOSCALED)).toEqual([undefined, undefined]);
    expect(await told(AUTOSCALED, running(7))).toEqual([undefined, undefined]);
    expect(await told(AUTOSCALED, running(7, { 'deployment.kubernetes.io/revision': '4' }))).toEqual([undefined, undefined]);
  });

  it('stays what it is where autoscaling comes to a fleet that had a number: a field that goes would leave one pod', async () => {
    expect(await told(AUTOSCALED, running(7, FROM_CHART))).toEqual([7, FROM_CHART]);
  });
});
