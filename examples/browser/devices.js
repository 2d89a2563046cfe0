// @ts-check
/** Lists of sessions: the device, where and when it was seen last, and a button that ends it. */

/** @typedef {import('./tower-bearer.d.ts').Client} Client */
/** @typedef {{ address?: string, user_agent?: string }} Seen */
/** @typedef {{ sid: string, current?: boolean, created_at: number, last_refreshed_at?: number, last_seen?: Seen, bound?: boolean, metadata: { user_agent?: string } }} Device */
/** What ends a session: a request below this path, by a button of this name.
 * @typedef {{ path: string, name: string, after: () => Promise<void> }} Ends */

const list = /** @type {HTMLUListElement} */ (document.querySelector('#devices'));

/** The user's own. @param {Client} client */
export async function showDevices(client) {
  const response = await client.authFetch('/auth/sessions');
  if (!response.ok) return;
  /** @type {Device[]} */
  const devices = await response.json();
  const shown = JSON.stringify(devices);
  // Whoever is on a button with the keyboard stays there.
  if (list.dataset.shown === shown) return;
  list.dataset.shown = shown;
  const ends = { path: '/auth/sessions', name: 'End this session', after: () => showDevices(client) };
  list.replaceChildren(...rows(client, devices, ends));
}

export function forgetDevices() {
  delete list.dataset.shown;
  list.replaceChildren();
}

/** @param {Client} client @param {Device[]} devices @param {Ends} ends */
export function rows(client, devices, ends) {
  return devices.map((device) => {
    const item = document.createElement('li');
    const text = document.createElement('div');
    const name = named(device.metadata.user_agent ?? '');
    text.append(name, small(begun(device)), ...seen(device, name).map(small));
    item.append(text, device.current ? badge() : ending(client, device.sid, name, ends));
    return item;
  });
}

/** @param {Device} device */
function begun({ created_at, current, bound }) {
  const date = new Date(created_at * 1000);
  const since = `logged in ${day(date)}, ${date.toLocaleTimeString('en-GB')}`;
  if (!bound) return since;
  return since + (current ? ', bound to this device' : ', bound to its device');
}

/** Where and by what, as far as the server keeps it. It tells the time of a refresh to the hour only.
 * @param {Device} device @param {string} name */
function seen({ created_at, last_refreshed_at, last_seen }, name) {
  if (!last_seen) return [];
  const { address = 'an unknown address', user_agent = '' } = last_seen;
  const by = named(user_agent);
  const date = new Date((last_refreshed_at ?? created_at) * 1000);
  const time = date.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
  return [`last seen at ${address}${by === name ? '' : `, by ${by}`}, ${day(date)}, after ${time}`];
}

/** @param {Date} date */
const day = (date) => date.toLocaleDateString('en-GB', { day: 'numeric', month: 'long' });

/** @param {string} text */
function small(text) {
  const made = document.createElement('small');
  made.textContent = text;
  return made;
}

function badge() {
  const made = document.createElement('span');
  made.className = 'badge';
  made.textContent = 'this one';
  return made;
}

/** @param {Client} client @param {string} sid @param {string} device @param {Ends} ends */
function ending(client, sid, device, { path, name, after }) {
  const button = document.createElement('button');
  button.className = 'quiet danger';
  button.textContent = name;
  button.setAttribute('aria-label', `${name}: ${device}`);
  button.addEventListener('click', async () => {
    button.disabled = true;
    const title = /** @type {HTMLElement | null | undefined} */ (button.closest('section')?.querySelector('h2'));
    await client.authFetch(`${path}/${sid}`, { method: 'DELETE' }).catch(() => {});
    await after().catch(() => {});
    button.disabled = false;
    // The button went with its row, and the keyboard would start at the top again.
    if (document.activeElement === document.body) title?.focus();
  });
  return button;
}

const BROWSERS = { Edg: 'Edge', OPR: 'Opera', Firefox: 'Firefox', Chrome: 'Chrome', Safari: 'Safari', curl: 'curl' };
const SYSTEMS = { Android: 'Android', iPhone: 'iPhone', iPad: 'iPad', Windows: 'Windows', 'Mac OS': 'macOS', Linux: 'Linux' };

/** A user agent in a few words. @param {string} agent */
function named(agent) {
  const first = (/** @type {Record<string, string>} */ names) =>
    Object.entries(names).find(([part]) => agent.includes(part))?.[1];
  const browser = first(BROWSERS) ?? 'A program';
  const system = first(SYSTEMS);
  return system ? `${browser} on ${system}` : browser;
}
