import { describe, expect, it } from 'vitest';
import { mountsIn, sizeOf } from './processes.js';

const mountinfo = `1432 1431 0:52 / / ro,relatime master:301 - overlay overlay rw,lowerdir=/l,upperdir=/u
1450 1432 0:60 / /tmp rw,nosuid,nodev,noexec,relatime - tmpfs tmpfs rw,size=65536k,mode=1777
1451 1432 254:0 /volumes/a/_data /data rw,relatime master:1 shared:2 - ext4 /dev/vda rw
`;

describe('the mounts of a process', () => {
  it('have the options of the mount and of its file system, with any number of fields in front of the dash', () => {
    const [root, temporary, data] = mountsIn(mountinfo);
    expect(root).toMatchObject({ at: '/', type: 'overlay' });
    expect(root!.options.has('ro')).toBe(true);
    expect([...temporary!.options]).toEqual(expect.arrayContaining(['nosuid', 'nodev', 'noexec', 'size=65536k']));
    expect(data).toMatchObject({ at: '/data', type: 'ext4' });
  });

  it.each([
    ['size=65536k', 67_108_864],
    ['size=8m', 8_388_608],
    ['size=512', 512],
    ['size=50%', undefined],
    ['mode=1777', undefined],
  ])('say how large they may grow: %s', (option, bytes) => {
    expect(sizeOf({ at: '/tmp', type: 'tmpfs', options: new Set(['rw', option]) })).toBe(bytes);
  });
});
