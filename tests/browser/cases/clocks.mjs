// Machines that sleep, and clocks that are wrong.

import assert from 'node:assert/strict';
import { until } from '../world.mjs';

const YEARS = 10 * 365 * 24 * 3600 * 1000;
const HOUR = 3600 * 1000;

/** With this lifetime a token is not refreshed before so many milliseconds: 70 % of it. */
const ACCESS_TTL = 4;
const SOONEST = 700 * ACCESS_TTL;

/** A lid that is closed for an hour, and opened: all clocks of the page have gone on. */
export async function sleeps(world) {
  const visitor = await world.visitor();
  const tab = await visitor.signedIn();
  await tab.reaches(0);
  const before = visitor.refreshes.length;
  await tab.run((hour) => pass(hour), HOUR);
  await tab.reaches(1);
  assert.equal(visitor.refreshes.length, before + 1);
  assert.deepEqual([...new Set(visitor.answers)], [200]);
}

/** Where the steady clock stands still in sleep, the wall clock tells. */
export async function stands_still(world) {
  const visitor = await world.visitor();
  const tab = await visitor.bare();
  await tab.login();
  await tab.run((hour) => {
    const real = Date.now;
    Date.now = () => real() + hour;
    document.dispatchEvent(new Event('visibilitychange'));
  }, HOUR);
  await tab.reaches(1);
  assert.equal(visitor.refreshes.length, 1);
  assert.deepEqual(await tab.ask(), [200]);
}

/** Whatever year it is there: tokens are refreshed when it is time, and only then. */
export async function wrong(world) {
  const script = (off) => {
    const Real = Date;
    window.Date = class extends Real {
      constructor(...parts) {
        super(...(parts.length ? parts : [Real.now() + off]));
      }
      static now() {
        return Real.now() + off;
      }
    };
  };
  for (const off of [-YEARS, YEARS]) {
    const visitor = await world.visitor({ script, argument: off });
    const tab = await visitor.bare();
    const begun = performance.now();
    await tab.login();
    await tab.reaches(2);
    const { length } = visitor.refreshes;
    const most = (performance.now() - begun) / SOONEST;
    assert(length <= most, `${length} refreshes where there is time for ${most}`);
    assert.deepEqual(await tab.ask(), [200]);
  }
}

/** Set while the page is open: back makes no token younger, forward costs one refresh. */
export async function set(world) {
  const visitor = await world.visitor();
  const tab = await visitor.bare();
  await tab.login();
  await tab.run((years) => {
    const real = Date.now;
    Date.now = () => real() - years;
  }, YEARS);
  await tab.reaches(1);
  assert.deepEqual(await tab.reasons(), []);
  await until('it goes on', async () => (await tab.ask())[0] === 200);
}
