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

/** Whoever uses the keyboard goes on where they were, also where a button is gone. */
export async function focus(world) {
  const elsewhere = await (await world.visitor()).signedIn();
  const { page } = await (await world.visitor()).signedIn();
  const lose = page.getByRole('switch', { name: 'Lose the next answer' });
  await lose.press('Space');
  await lose.and(page.locator('[aria-checked=true]:focus')).waitFor();
  await page.getByRole('button', { name: /^End this session/ }).first().press('Enter');
  await page.getByRole('heading', { name: 'Your devices' }).and(page.locator(':focus')).waitFor();
  await elsewhere.isOut();
}

/** A browser that has not kept the cookie, as over plain HTTP: the page and the console say so. */
export async function cookie_is_gone(world) {
  const visitor = await world.visitor();
  const tab = await visitor.tab();
  const warned = tab.page.waitForEvent('console', (message) => message.type() === 'warning');
  await tab.login();
  await visitor.context.clearCookies();
  await tab.says('The session’s cookie is not there.');
  assert.match((await warned).text(), /no refresh cookie/);
}

/** What would fail later, and without a word, is refused at once. */
export async function wrong_options(world) {
  const { page } = await (await world.visitor()).bare();
  const refusal = (options) =>
    page.evaluate(async (options) => {
      const { createClient } = await import('/tower-bearer.js');
      try {
        createClient(options).close();
        return 'accepted';
      } catch (error) {
        return String(error);
      }
    }, options);
  for (const [options, said] of [
    [{}, /^accepted$/],
    [{ loginUrl: undefined, origins: ['https://api.example'] }, /^accepted$/],
    [{ tokenURL: '/token' }, /^TypeError: .*"tokenURL"/],
    [{ mode: 'cookies' }, /^TypeError: .*mode/],
    [{ origins: 'https://api.example' }, /^TypeError: .*list/],
    [{ origins: ['https://api.example/'] }, /^TypeError: .*"https:\/\/api.example\/"/],
    [{ origins: ['api.example'] }, /^TypeError: .*"api.example"/],
  ]) {
    assert.match(await refusal(options), said, JSON.stringify(options));
  }
}

/** A server that has the refresh token elsewhere than the page expects. */
export async function wrong_mode(world) {
  const login = (tab) => tab.run(() => client.login({ username: 'alice', password: 'wonderland' }).catch((error) => `${error.kind}: ${error.message}`));
  const in_body = await (await world.visitor()).bare({ mode: 'body' });
  assert.match(await login(in_body), /^malformed: \/auth\/login: no refresh_token/);
  const in_cookie = await (await world.visitor()).bare();
  await in_cookie.page.route('**/auth/login', async (route) => {
    const response = await route.fetch();
    return route.fulfill({ response, json: { ...(await response.json()), refresh_token: 'r' } });
  });
  assert.match(await login(in_cookie), /^malformed: \/auth\/login: a refresh_token/);
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
