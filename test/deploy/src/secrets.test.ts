import { describe, expect, it } from 'vitest';
import { ciFiles } from './chart/ci-files.js';
import { podOf } from './chart/kubernetes-object.js';
import { refusal, render, renderText } from './chart/render.js';

describe('secrets', () => {
  it.each(ciFiles)('are in no rendering: with %s none is made', async (ci) => {
    const objects = await render({ ci: [ci] });
    expect(objects.map(({ kind }) => kind)).not.toContain('Secret');
  });

  it('cannot be made where the cluster cannot be seen: it would be another one each time', async () => {
    const said = await refusal({ ci: ['in-cluster'], values: { secrets: { existingSecret: '' } } });
    expect(said).toContain('secrets.existingSecret: name the Secret that has Tollgate');
    expect(said).not.toMatch(/[0-9a-f]{32}/);
  });

  it('of stores elsewhere are named one by one, or are in the Secret with all others', async () => {
    const values = { secrets: { existingSecret: '' } };
    const said = await refusal({ ci: ['plain'], values: { ...values, kafka: { sasl: true } } });
    for (const user of ['owner', 'keyManagement', 'usageBilling', 'secretScanning'])
      expect(said).toContain(`postgres.${user}.passwordSecret.name: name the Secret`);
    for (const user of ['gateway', 'keyManagement', 'usageBilling'])
      expect(said).toContain(`redis.${user}.passwordSecret.name: name the Secret`);
    for (const user of ['gateway', 'keyManagement', 'usageBilling', 'secretScanning'])
      expect(said).toContain(`kafka.${user}.passwordSecret.name: name the Secret`);
    // A bus that asks for no password has none.
    expect(await refusal({ ci: ['plain'], values })).not.toContain('kafka.gateway.passwordSecret');
  });

  it('that are replaced are read beside the new ones, by those who read the new ones', async () => {
    const files = async (...set: string[]) =>
      (await render({ ci: ['plain'], set })).flatMap((object) =>
        (podOf(object)?.spec.containers[0]?.env ?? []).flatMap(({ name }) =>
          name.endsWith('_PREVIOUS_FILE') ? [`${object.metadata.name} ${name}`] : [],
        ),
      );
    expect(await files()).toEqual([]);
    expect((await files('secrets.previous.adminSecret=true')).sort()).toEqual([
      'tollgate-key-management TOLLGATE_ADMIN_SECRET_PREVIOUS_FILE',
      'tollgate-usage-billing TOLLGATE_ADMIN_SECRET_PREVIOUS_FILE',
    ]);
    expect(await files('secrets.previous.pepper=true')).toHaveLength(4);
  });

  it('of users with odd names do not break the addresses of their servers', async () => {
    const text = await renderText({ ci: ['plain'], set: ['postgres.keyManagement.user=a@b:c/d#e?f%'] });
    expect(text).toContain('postgres://a%40b%3Ac%2Fd%23e%3Ff%25@postgres.example.com:5432/tollgate');
  });
});

describe('journals that nobody mounts any more', () => {
  it('are shipped by a job for each claim that is named, which is told of the bus, of usage-billing and of nothing else', async () => {
    const objects = await render({ ci: ['plain'], set: ['shipJournals.claims={journal-a-3,journal-a-4}'] });
    const shipping = objects.filter(
      ({ metadata }) => metadata.labels?.['app.kubernetes.io/component'] === 'ship-journals',
    );
    const jobs = shipping.filter(({ kind }) => kind === 'Job');
    expect(new Set(jobs.map(({ metadata }) => metadata.name)).size).toBe(2);
    const gateway = podOf(objects.find(({ kind }) => kind === 'StatefulSet')!)!.spec.containers[0]!;
    jobs.forEach((job, index) => {
      const { containers, volumes } = podOf(job)!.spec;
      expect(containers[0]!.args).toEqual(['apps/gateway/dist/ship-journals.js']);
      for (const variable of containers[0]!.env!) expect(gateway.env).toContainEqual(variable);
      expect(containers[0]!.env!.map(({ name }) => name).sort()).toEqual([
        'KAFKA_BROKERS',
        'LOG_LEVEL',
        'TOLLGATE_DATA',
        'TOLLGATE_SERVICE_SECRET_FILE',
        'USAGE_BILLING_URL',
      ]);
      expect(volumes).toContainEqual({
        name: 'journal',
        persistentVolumeClaim: { claimName: `journal-a-${index + 3}` },
      });
    });
  });
});
