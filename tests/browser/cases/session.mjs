// Logging in, staying in, logging out.

import assert from 'node:assert/strict';
import { until } from '../world.mjs';

export async function login(world) {
  const visitor = await world.visitor();
  const tab = await visitor.tab();
  await tab.isOut();
  await tab.page.getByLabel('User name').fill('alice');
  await tab.page.getByLabel('Password').fill('looking-glass');
  await tab.button('Log in').click();
  await tab.says('The user name or the password is wrong.');
  await tab.login();
  await tab.reaches(0);
  assert.equal(await tab.page.locator('.notice').count(), 0);
  // With nothing but its cookie the browser is let in again.
  await tab.page.reload();
  await tab.isIn();
}

export async function keyboard(world) {
  const visitor = await world.visitor();
  const { page, ...tab } = await visitor.tab();
  await page.getByLabel('User name').and(page.locator(':focus')).waitFor();
  await page.keyboard.type('alice');
  await page.keyboard.press('Tab');
  await page.keyboard.type('wonderland');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Signed in as alice' }).and(page.locator(':focus')).waitFor();
  const reached = [];
  for (let step = 0; step < 4; step += 1) {
    await page.keyboard.press('Tab');
    const focus = page.locator(':focus');
    const outline = await focus.evaluate((element) => getComputedStyle(element).outlineStyle);
    assert.equal(outline, 'solid', 'the focus is seen');
    reached.push((await focus.textContent()).trim());
  }
  assert.deepEqual(reached, ['Log out', 'Log out everywhere', 'Lose the next answer', 'Open another tab']);
  for (const _ of ['switch', 'everywhere', 'log out']) await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('Enter');
  await page.getByRole('status').getByText('You are logged out.').waitFor();
  await page.getByLabel('User name').and(page.locator(':focus')).waitFor();
}

export async function nothing_is_kept(world) {
  const visitor = await world.visitor();
  const page = await visitor.context.newPage();
  const answers = [];
  page.on('response', (response) => {
    if (/\/auth\/(login|token)$/.test(response.url()) && response.ok()) answers.push(response.json());
  });
  await page.goto(world.url);
  await page.getByLabel('User name').fill('alice');
  await page.getByLabel('Password').fill('wonderland');
  await page.keyboard.press('Enter');
  await until('some refreshes', () => answers.length > 2);
  const tokens = await Promise.all(answers);
  for (const answer of tokens) {
    assert.deepEqual(Object.keys(answer).sort(), ['access_token', 'expires_in', 'scope', 'token_type']);
  }
  const [, payload] = tokens[0].access_token.split('.');
  const kept = await page.evaluate(async () => {
    const storages = JSON.stringify([localStorage, sessionStorage, await indexedDB.databases()]);
    const caches = JSON.stringify(await window.caches.keys());
    return [storages, caches, document.cookie, location.href, history.state, document.documentElement.outerHTML, name];
  });
  assert.equal(kept[0], '[{},{},[]]');
  assert.equal(kept[1], '[]');
  assert.equal(kept[2], '');
  assert(!kept.join().includes(payload.slice(0, 20)));
  const requested = visitor.refreshes.map((request) => request.url() + request.postData());
  assert.deepEqual([...new Set(requested)], [`${world.url}/auth/token{}`]);
}

export async function cookie_flags(world) {
  const visitor = await world.visitor();
  const tab = await visitor.signedIn();
  const kept = await visitor.cookie();
  const flags = ({ name, domain, path, httpOnly, secure, sameSite }) => ({ name, domain, path, httpOnly, secure, sameSite });
  const wanted = {
    name: '__Secure-refresh_token',
    domain: '127.0.0.1',
    path: '/auth/token',
    httpOnly: true,
    secure: true,
    sameSite: 'Strict',
  };
  assert.deepEqual(flags(kept), wanted);
  await tab.reaches(1);
  const next = await visitor.cookie();
  assert.notEqual(next.value, kept.value);
  assert.deepEqual(flags(next), wanted, 'as at the login');
  const others = (await visitor.context.cookies()).filter(({ name }) => name !== wanted.name);
  assert.deepEqual(others, []);
}

export async function logout(world) {
  const visitor = await world.visitor();
  const tabs = [await visitor.signedIn(), await visitor.tab()];
  await tabs[1].isIn();
  const old = await visitor.cookie();
  await tabs[0].button('Log out').click();
  for (const tab of tabs) {
    await tab.isOut();
    await tab.says('You are logged out.');
  }
  await until('the cookie is gone', async () => !(await visitor.cookie()));
  assert.equal((await world.present(old)).status, 400, 'the session is over');
  // A login reaches them as well.
  await tabs[1].login();
  await tabs[0].isIn();
}

export async function logout_everywhere(world) {
  const [here, there] = [await world.visitor(), await world.visitor()];
  const [mine, other] = [await here.signedIn(), await there.signedIn()];
  await mine.button('Log out everywhere').click();
  await mine.says('You are logged out.');
  await other.says('This session has been ended.');
  await other.isOut();
}

export async function end_another(world) {
  const [here, there] = [await world.visitor(), await world.visitor()];
  const [mine, other] = [await here.signedIn(), await there.signedIn()];
  await mine.page.reload();
  const devices = mine.page.getByRole('region', { name: 'Your devices' }).getByRole('listitem');
  await until('both are listed', async () => (await devices.count()) === 2);
  assert.equal(await devices.getByText('this one').count(), 1);
  await devices.getByRole('button', { name: /^End this session/ }).click();
  await other.says('This session has been ended.');
  await until('it is gone from the list', async () => (await devices.count()) === 1);
  await mine.isIn();
}
