// @ts-check
/** For an administrator: the sessions of any user, each with a button that ends it. */

import { rows } from './devices.js';

/** @typedef {import('./tower-bearer.d.ts').Client} Client */

const card = /** @type {HTMLElement} */ (document.querySelector('#admin'));
const form = /** @type {HTMLFormElement} */ (document.querySelector('#admin-form'));
const list = /** @type {HTMLUListElement} */ (document.querySelector('#admin-devices'));

/** The card is there for those whose token has the scope. @param {string} [scope] */
export function showAdmin(scope = '') {
  card.hidden = !scope.split(' ').includes('admin');
}

export function forgetAdmin() {
  card.hidden = true;
  form.reset();
  list.replaceChildren();
}

/** @param {Client} client */
export function listenAsAdmin(client) {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    show(client).catch(() => {});
  });
}

/** @param {Client} client */
async function show(client) {
  const user = String(new FormData(form).get('user'));
  const path = `/admin/users/${encodeURIComponent(user)}/sessions`;
  const response = await client.authFetch(path);
  if (!response.ok) return;
  const devices = await response.json();
  const ends = { path, name: 'End it as an administrator', after: () => show(client) };
  list.replaceChildren(...(devices.length ? rows(client, devices, ends) : [nothing(user)]));
}

/** @param {string} user */
function nothing(user) {
  const item = document.createElement('li');
  item.textContent = `There is no session of ${user}.`;
  return item;
}
