// Logging in, staying in, logging out.

import assert from 'node:assert/strict';
import { ALICE, BOB, until } from '../world.mjs';

export async function login(world) {
  const visitor = await world.visitor();
  const tab = await visitor.tab();
  await tab.isOut();
  await tab.fill({ username: 'alice', password: 'looking-glass' });
  await tab.says('The user name or the password is wrong.');
  await tab.login();
  await tab.reaches(0);
  assert(await tab.isSilent());
  // With nothing but its cookie the browser is let in again.
  await tab.page.reload();
  await tab.isIn();
}

export async function keyboard(world) {
  const tab = await (await world.visitor()).tab();
  await tab.isOn('#username');
  await tab.page.type('alice');
  await tab.page.press('Tab');
  await tab.page.type('wonderland');
  await tab.page.press('Enter');
  await tab.isOn('h2', 'Signed in as alice');
  for (const name of ['Log out', 'Log out everywhere', 'Lose the next answer', 'Open another tab']) {
    await tab.page.press('Tab');
    await tab.isOn('button, a', name);
    const outline = await tab.run(() => getComputedStyle(document.activeElement).outlineStyle);
    assert.equal(outline, 'solid', 'the focus is seen');
  }
  for (const _ of ['switch', 'everywhere', 'log out']) await tab.page.press('Tab', 'Shift');
  await tab.page.press('Enter');
  await tab.says('You are logged out.');
  await tab.isOn('#username');
}

/** Whoever uses the keyboard goes on where they were, also where a button is gone. */
export async function focus(world) {
  const elsewhere = await (await world.visitor()).signedIn();
  const tab = await (await world.visitor()).signedIn();
  await tab.run(() => document.querySelector('#lose').focus());
  await tab.page.press('Space');
  await until('it is on', () => tab.count('#lose[aria-checked=true]'));
  await tab.isOn('#lose');
  await tab.shows('button', 'End this session');
  await tab.run(() => shown('button', 'End this session').focus());
  await tab.page.press('Enter');
  await tab.isOn('h2', 'Your devices');
  await elsewhere.isOut();
}

/** A browser that has not kept the cookie, as over plain HTTP: the page and the console say so. */
export async function cookie_is_gone(world) {
  const visitor = await world.visitor();
  const tab = await visitor.signedIn();
  await visitor.session.forgetCookies();
  await visitor.hourPasses();
  await tab.says('The session’s cookie is not there.');
  assert.match(await tab.run(() => warnings.join()), /no refresh cookie/);
}

/** What would fail later, and without a word, is refused at once. */
export async function wrong_options(world) {
  const tab = await (await world.visitor()).bare();
  const refusal = (options) =>
    tab.run(async (options) => {
      try {
        start(options);
        return 'accepted';
      } catch (error) {
        return String(error);
      }
    }, options);
  for (const [options, said] of [
    [{}, /^accepted$/],
    [{ origins: ['https://api.example'] }, /^accepted$/],
    [{ tokenURL: '/token' }, /^TypeError: .*"tokenURL"/],
    [{ mode: 'cookies' }, /^TypeError: .*mode/],
    [{ dpop: 'optional' }, /^accepted$/],
    [{ dpop: 'true' }, /^TypeError: .*dpop/],
    [{ origins: 'https://api.example' }, /^TypeError: .*list/],
    [{ origins: ['https://api.example/'] }, /^TypeError: .*"https:\/\/api.example\/"/],
    [{ origins: ['api.example'] }, /^TypeError: .*"api.example"/],
  ]) {
    assert.match(await refusal(options), said, JSON.stringify(options));
  }
}

/** A server that has the refresh token elsewhere than the page expects. */
export async function wrong_mode(world) {
  const in_body = await (await world.visitor()).bare({ mode: 'body' });
  assert.match(await in_body.tryLogin(), /^malformed: \/auth\/login: no refresh_token/);
  const visitor = await world.visitor();
  const in_cookie = await visitor.bare();
  visitor.wire.route('/auth/login', () => ({
    headers: { 'content-type': 'application/json' },
    body: '{"access_token":"a","token_type":"Bearer","expires_in":60,"refresh_token":"r"}',
  }));
  assert.match(await in_cookie.tryLogin(), /^malformed: \/auth\/login: a refresh_token/);
}

/** What the endpoint says where no token has come, and only that, is no session. */
export async function no_token(world) {
  const visitor = await world.visitor();
  const tab = await visitor.bare();
  await tab.login();
  await visitor.session.forgetCookies();
  await visitor.hourPasses();
  await tab.isOut('no_session');
  const [last] = visitor.refreshes.slice(-1);
  assert.equal(last.answered.status, 400);
  assert.equal(JSON.parse(last.answered.body).reason, 'no_token');
}

export async function nothing_is_kept(world) {
  const visitor = await world.visitor();
  const tab = await visitor.tab();
  await tab.isOut();
  await tab.fill(ALICE);
  const tokens = () => {
    const all = [...visitor.wire.to('/auth/login'), ...visitor.refreshes];
    const good = all.filter(({ answered }) => answered?.status === 200);
    return good.map(({ answered }) => JSON.parse(answered.body));
  };
  await tab.isIn();
  for (const generation of [1, 2]) {
    await visitor.hourPasses();
    await tab.reaches(generation);
  }
  assert(tokens().length > 2);
  for (const answer of tokens()) {
    assert.deepEqual(Object.keys(answer).sort(), ['access_token', 'expires_in', 'scope', 'token_type']);
  }
  const [, payload] = tokens()[0].access_token.split('.');
  const kept = await tab.run(async () => {
    const storages = JSON.stringify([localStorage, sessionStorage, await indexedDB.databases()]);
    const caches = JSON.stringify(await window.caches.keys());
    const { outerHTML } = document.documentElement;
    return [storages, caches, document.cookie, location.href, String(history.state), outerHTML, name];
  });
  assert.equal(kept[0], '[{},{},[]]');
  assert.equal(kept[1], '[]');
  assert.equal(kept[2], '');
  assert(!kept.join().includes(payload.slice(0, 20)));
  const requested = visitor.refreshes.map(({ url, body }) => url + body);
  assert.deepEqual([...new Set(requested)], ['/auth/token{}']);
}

export async function cookie_flags(world) {
  const visitor = await world.visitor();
  const tab = await visitor.signedIn();
  const kept = await visitor.cookie();
  const flags = ({ name, path, httpOnly, secure }) => ({ name, path, httpOnly, secure });
  const wanted = { name: '__Host-refresh_token', path: '/', httpOnly: true, secure: true };
  assert.deepEqual(flags(kept), wanted);
  await visitor.hourPasses();
  await tab.reaches(1);
  const next = await visitor.cookie();
  assert.notEqual(next.value, kept.value);
  assert.deepEqual(flags(next), wanted, 'as at the login');
}

export async function logout(world) {
  const visitor = await world.visitor();
  const tabs = [await visitor.signedIn(), await visitor.tab()];
  await tabs[1].isIn();
  const old = await visitor.cookie();
  await tabs[0].click('Log out');
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
  await mine.click('Log out everywhere');
  await mine.says('You are logged out.');
  await other.says('This session has been ended.');
  await other.isOut();
}

export async function end_another(world) {
  const [here, there] = [await world.visitor(), await world.visitor()];
  const [mine, other] = [await here.signedIn(), await there.signedIn()];
  await mine.page.reload();
  await until('both are listed', async () => (await mine.count('#devices li')) === 2);
  assert.equal(await mine.count('#devices .badge'), 1);
  await mine.click('End this session');
  await other.says('This session has been ended.');
  await until('it is gone from the list', async () => (await mine.count('#devices li')) === 1);
  await mine.isIn();
}

/** The list says where and by what a session was used last: also that another program has the cookie. */
export async function last_seen(world) {
  const visitor = await world.visitor();
  const tab = await visitor.signedIn();
  const says = (words) => {
    const check = (words) => document.querySelector('#devices').textContent.includes(words);
    return until(`the list says “${words}”`, () => tab.run(check, words));
  };
  await says('last seen at 127.0.0.1, ');
  // Within the window the page goes on with its own token.
  assert.equal((await world.present(await visitor.cookie())).status, 200);
  await says('last seen at 127.0.0.1, by A program, ');
}

export async function ended_by_admin(world) {
  const user = await (await world.visitor()).signedIn();
  const admin = await (await world.visitor()).tab();
  await admin.login(BOB);
  assert(!(await user.has('h2', 'Sessions of a user')), 'she is none');
  await admin.shows('h2', 'Sessions of a user');
  await admin.run(() => void (document.querySelector('#admin-user').value = 'alice'));
  await admin.click('Show');
  await admin.click('End it as an administrator');
  await user.says('This session has been ended.');
  await admin.shows('#admin-devices li', 'There is no session of alice.');
  await admin.click('Log out');
  await admin.isOut();
  assert(!(await admin.has('h2', 'Sessions of a user')));
}
