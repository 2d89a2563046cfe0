// @ts-check
/** The page: one of its two halves is shown, as the client says. */

import { AuthError, createClient } from './tower-bearer.js';
import { forgetAdmin, listenAsAdmin, showAdmin } from './admin.js';
import { forgetDevices, showDevices } from './devices.js';
import { onLoss, watched } from './wire.js';

/** @typedef {import('./tower-bearer.js').State} State */
/** @typedef {import('./tower-bearer.js').Reason} Reason */

/** How often the protected resource and the devices are asked for, in milliseconds. */
const EVERY = 2_000;
const DEVICES_EVERY = 10_000;

/** @param {string} id @returns {any} */
const by = (id) => document.getElementById(id);

const client = createClient({ fetch: watched });

/** @type {Record<Reason, { tone: string, title: string, text: string } | null>} */
const FAREWELLS = {
  no_session: null,
  logged_out: { tone: 'info', title: 'You are logged out.', text: 'In all tabs of this browser.' },
  session_ended: {
    tone: 'danger',
    title: 'This session has been ended.',
    text:
      'It has run out, it was ended from another device, or its token was seen in two hands and may ' +
      'be stolen. If that was not you, log in and look at your devices.',
  },
  other_user: {
    tone: 'danger',
    title: 'This browser has the session of somebody else.',
    text: 'Nobody has logged in here as them, so the cookie may be planted. Nothing was sent in their name.',
  },
};

const COOKIE_IS_GONE = {
  tone: 'danger',
  title: 'The session’s cookie is not there.',
  text:
    'It was removed, or the browser has not kept it: over plain HTTP it does so on localhost only, ' +
    'and Safari so far not even there.',
};

/** @type {Partial<Record<import('./tower-bearer.js').ErrorKind, string>>} */
const TROUBLES = {
  unreachable: 'The server cannot be reached.',
  timeout: 'The server does not answer.',
  unavailable: 'The server is busy.',
};

/** Whether somebody has been signed in on this page since it knows of no session. */
let wasIn = false;

/** @param {{ tone: string, title: string, text: string } | null} notice */
function say(notice) {
  const area = by('notice');
  if (area.dataset.said === (notice?.title ?? '')) return;
  area.dataset.said = notice?.title ?? '';
  if (!notice) return area.replaceChildren();
  const box = document.createElement('div');
  const title = document.createElement('strong');
  const text = document.createElement('span');
  box.className = `notice ${notice.tone}`;
  title.textContent = notice.title;
  text.textContent = notice.text;
  box.append(title, text);
  area.replaceChildren(box);
}

/** @param {AuthError} error */
function complain(error) {
  const texts = {
    refused: 'The user name or the password is wrong.',
    unavailable: 'The server is busy. Try again in a moment.',
  };
  const text = error.kind === 'refused' || error.kind === 'unavailable' ? texts[error.kind] : error.message;
  say({ tone: 'danger', title: 'That did not work.', text });
}

/** @param {State} state */
function show({ status, claims, trouble }) {
  const isIn = status === 'signed_in';
  const turned = isIn === by('signed-in').hidden;
  by('signed-in').hidden = !isIn;
  by('signed-out').hidden = status !== 'signed_out';
  by('user').textContent = claims?.sub ?? '';
  if (isIn) showAdmin(String(claims?.scope));
  if (trouble) {
    const title = TROUBLES[trouble.kind] ?? trouble.message;
    say({ tone: 'warn', title, text: `${isIn ? 'You stay signed in. ' : ''}This page goes on trying.` });
  } else if (isIn) say(null);
  if (status !== 'signed_out') wasIn = isIn;
  if (isIn && turned) {
    by('who-title').focus();
    askMe();
    askDevices();
  }
}

/** @param {Reason} reason */
function leave(reason) {
  forgetDevices();
  forgetAdmin();
  by('me').replaceChildren();
  by('lose').setAttribute('aria-checked', 'false');
  say(wasIn && reason === 'no_session' ? COOKIE_IS_GONE : FAREWELLS[reason]);
  wasIn = false;
  by('username').focus();
}

/** The ring: what is left of the access token's life. */
function drawLife() {
  const { expiresIn, claims } = client.state;
  if (expiresIn === null) return;
  const lifetime = (Number(claims?.exp) - Number(claims?.iat)) * 1000 || expiresIn;
  by('life').style.strokeDashoffset = String(100 - 100 * Math.min(expiresIn / lifetime, 1));
  by('left').textContent = String(Math.ceil(expiresIn / 1000));
}

/** @param {Record<string, unknown>} claims */
function showMe({ sub, scope, sid, gen, exp }) {
  const until = new Date(Number(exp) * 1000).toLocaleTimeString('en-GB');
  const rows = { user: sub, scope, session: sid, generation: gen, 'token until': until };
  const cells = Object.entries(rows).flatMap(([name, value]) => {
    const term = document.createElement('dt');
    const data = document.createElement('dd');
    term.textContent = name;
    data.textContent = String(value);
    return [term, data];
  });
  by('me').replaceChildren(...cells);
}

/** @param {() => Promise<void>} work */
async function whileSignedIn(work) {
  if (client.state.status !== 'signed_in' || document.visibilityState === 'hidden') return;
  try {
    await work();
  } catch {
    // The client tells what there is to tell: `onChange` and `onSignedOut`.
  }
}

const askMe = () =>
  whileSignedIn(async () => {
    const response = await client.authFetch('/me');
    if (response.ok) showMe(await response.json());
  });

const askDevices = () => whileSignedIn(() => showDevices(client));

/** @param {HTMLButtonElement} button @param {() => Promise<unknown>} work */
async function during(button, work) {
  const hadFocus = document.activeElement === button;
  button.disabled = true;
  try {
    await work();
  } catch (error) {
    complain(/** @type {AuthError} */ (error));
  }
  button.disabled = false;
  // A disabled button loses it, and the keyboard would start at the top again.
  if (hadFocus && document.activeElement === document.body) button.focus();
}

by('login').addEventListener('submit', (/** @type {SubmitEvent} */ event) => {
  event.preventDefault();
  const form = by('login');
  during(form.querySelector('button'), async () => {
    await client.login(Object.fromEntries(new FormData(form)));
    form.reset();
  });
});

for (const [id, leaving] of /** @type {const} */ ([
  ['logout', () => client.logout()],
  ['logout-everywhere', () => client.logoutEverywhere()],
])) {
  by(id).addEventListener('click', () => during(by(id), leaving));
}

by('lose').addEventListener('click', async () => {
  const isOn = by('lose').getAttribute('aria-checked') !== 'true';
  await during(by('lose'), () => client.authFetch(`/demo/lose/${isOn ? 1 : 0}`, { method: 'POST' }));
  by('lose').setAttribute('aria-checked', String(isOn));
});
onLoss(() => by('lose').setAttribute('aria-checked', 'false'));

listenAsAdmin(client);
client.onChange(show);
client.onSignedOut(leave);
setInterval(askMe, EVERY);
setInterval(askDevices, DEVICES_EVERY);
setInterval(drawLife, 100);
document.addEventListener('visibilitychange', askMe);
client.resume().catch(() => {});
