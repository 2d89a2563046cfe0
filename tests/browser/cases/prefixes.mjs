// What browsers make of names that only an answer of the server should be able to set.

import assert from 'node:assert/strict';

/** Of which prefixes a cookie that a script sets is kept: the table of the manual. */
const KEPT = {
  chromium: { '__Secure-': true, '__Host-': true, '__Http-': false, '__Host-Http-': false },
  firefox: { '__Secure-': true, '__Host-': true, '__Http-': false, '__Host-Http-': false },
  webkit: { '__Secure-': true, '__Host-': true, '__Http-': true, '__Host-Http-': true },
};

export async function scripts(world) {
  const visitor = await world.visitor();
  const prefixes = Object.keys(KEPT.chromium);
  const set = prefixes.map((prefix) => `${prefix}served=1; Path=/; Secure; HttpOnly; SameSite=Strict`);
  visitor.wire.route('/me', () => ({ headers: { 'set-cookie': set } }));
  const page = await visitor.session.page(`${visitor.url}/test/bare`);
  await page.run(async (prefixes) => {
    await fetch('/me');
    for (const prefix of prefixes) document.cookie = `${prefix}scripted=1; Path=/; Secure; SameSite=Strict`;
    await fetch('/auth/token');
  }, prefixes);
  const { headers } = visitor.refreshes[0];
  const sent = (headers.cookie ?? '').split('; ').map((pair) => pair.split('=')[0]);
  for (const prefix of prefixes) assert(sent.includes(`${prefix}served`), `${prefix} by the server`);
  const kept = Object.fromEntries(prefixes.map((prefix) => [prefix, sent.includes(`${prefix}scripted`)]));
  assert.deepEqual(kept, KEPT[world.browser]);
}
