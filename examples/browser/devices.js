// @ts-check
/** The list of the user's sessions, each with a button that ends it. */

/** @typedef {import('./tower-bearer.d.ts').Client} Client */
/** @typedef {{ sid: string, current: boolean, created_at: number, bound?: boolean, metadata: { user_agent?: string } }} Device */

const list = /** @type {HTMLUListElement} */ (document.querySelector('#devices'));
const title = /** @type {HTMLElement} */ (document.querySelector('#devices-title'));

/** @param {Client} client */
export async function showDevices(client) {
  const response = await client.authFetch('/auth/sessions');
  if (!response.ok) return;
  /** @type {Device[]} */
  const devices = await response.json();
  const shown = JSON.stringify(devices);
  // Whoever is on a button with the keyboard stays there.
  if (list.dataset.shown === shown) return;
  list.dataset.shown = shown;
  list.replaceChildren(...devices.map((device) => row(client, device)));
}

export function forgetDevices() {
  delete list.dataset.shown;
  list.replaceChildren();
}

/** @param {Client} client @param {Device} device */
function row(client, { sid, current, created_at, bound, metadata }) {
  const item = document.createElement('li');
  const text = document.createElement('div');
  const since = document.createElement('small');
  const name = named(metadata.user_agent ?? '');
  const date = new Date(created_at * 1000);
  since.textContent = `logged in ${date.toLocaleDateString('en-GB', { day: 'numeric', month: 'long' })}, ${date.toLocaleTimeString('en-GB')}`;
  if (bound) since.textContent += current ? ', bound to this device' : ', bound to its device';
  text.append(name, since);
  item.append(text, current ? badge() : ending(client, sid, name));
  return item;
}

function badge() {
  const made = document.createElement('span');
  made.className = 'badge';
  made.textContent = 'this one';
  return made;
}

/** @param {Client} client @param {string} sid @param {string} name */
function ending(client, sid, name) {
  const button = document.createElement('button');
  button.className = 'quiet danger';
  button.textContent = 'End this session';
  button.setAttribute('aria-label', `End this session: ${name}`);
  button.addEventListener('click', async () => {
    button.disabled = true;
    await client.authFetch(`/auth/sessions/${sid}`, { method: 'DELETE' }).catch(() => {});
    await showDevices(client).catch(() => {});
    button.disabled = false;
    // The button went with its row, and the keyboard would start at the top again.
    if (document.activeElement === document.body) title.focus();
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
