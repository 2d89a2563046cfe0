// @ts-check
/** What goes over the wire, as a list: `watched` stands in for `fetch` and writes it down. */

const ROWS = 60;

const list = /** @type {HTMLOListElement} */ (document.querySelector('#wire'));

/** @type {Set<() => void>} */
const lossListeners = new Set();

/** Calls back when an answer of the token endpoint did not arrive. @param {() => void} callback */
export const onLoss = (callback) => lossListeners.add(callback);

/** @param {Request} request */
export async function watched(request) {
  const started = performance.now();
  const isRefresh = new URL(request.url).pathname === '/auth/token';
  const seen = (/** @type {string} */ outcome, /** @type {string} */ kind, note = '') =>
    write({ request, outcome, kind, note, started });
  const response = await fetch(request).catch((error) => {
    seen('none', 'lost', 'Nobody answers.');
    throw error;
  });
  if (!isRefresh) {
    seen(String(response.status), kindOf(response));
    return response;
  }
  const isLost = () => {
    seen('lost', 'lost', 'The answer is lost. The next one brings the same generation again.');
    lossListeners.forEach((callback) => callback());
  };
  // An answer may break off within its body. WebKit takes what has come for the whole.
  const text = await response.clone().text().catch((error) => {
    isLost();
    throw error;
  });
  const { kind, note } = refreshed(response, text);
  if (response.ok && !note) isLost();
  else seen(String(response.status), kind, note);
  return response;
}

/** @param {Response} response */
function kindOf({ ok, status }) {
  if (ok) return '';
  return status === 503 ? 'lost' : 'refused';
}

/** What an answer of the token endpoint says; its tokens are not for showing.
 * @param {Response} response @param {string} text */
function refreshed(response, text) {
  const kind = kindOf(response);
  try {
    const { error, error_description: why, reason, access_token: token } = JSON.parse(text);
    if (reason === 'device_bound') return { kind: '', note: 'The browser refreshes this session by itself.' };
    if (reason === 'no_token') return { kind: '', note: 'There is no cookie: somebody has to log in.' };
    if (error) return { kind, note: `${error}: ${why}` };
    const { gen } = JSON.parse(atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')));
    return { kind: 'refresh', note: `A new access token, of generation ${gen}.` };
  } catch {
    return { kind, note: '' };
  }
}

/** @param {string} name @param {string} text @param {string} [className] */
function element(name, text, className = '') {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = className;
  return made;
}

/** @param {{ request: Request, outcome: string, kind: string, note: string, started: number }} entry */
function write({ request, outcome, kind, note, started }) {
  const what = `${request.method} ${new URL(request.url).pathname}`;
  const took = `${Math.round(performance.now() - started)} ms`;
  const time = new Date().toLocaleTimeString('en-GB');
  // What only repeats takes one row.
  const last = /** @type {HTMLElement | null} */ (list.firstElementChild);
  const all = `${what} ${outcome} ${note}`;
  const same = last?.dataset.what === all ? last : null;
  const times = Number(same?.dataset.times ?? 0) + 1;
  const row = element('li', '', kind);
  row.dataset.what = all;
  row.dataset.times = String(times);
  const many = times > 1 ? ` × ${times}` : '';
  row.append(element('time', time), element('span', what + many), element('b', outcome), element('span', took, 'took'));
  if (note) row.append(element('span', note, 'note'));
  same?.remove();
  list.prepend(row);
  while (list.children.length > ROWS) list.lastElementChild?.remove();
}
