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
  try {
    const response = await fetch(request);
    // An answer may break off within its body.
    const text = isRefresh ? await response.clone().text() : '';
    const note = isRefresh ? noteOf(response, text) : '';
    write({ request, outcome: String(response.status), kind: kindOf(response, isRefresh), note, started });
    return response;
  } catch (error) {
    const note = isRefresh
      ? 'The answer is lost. The next one brings the same generation again.'
      : 'No answer.';
    write({ request, outcome: 'lost', kind: 'lost', note, started });
    if (isRefresh) lossListeners.forEach((callback) => callback());
    throw error;
  }
}

/** @param {Response} response @param {boolean} isRefresh */
function kindOf({ ok, status }, isRefresh) {
  if (!ok) return status === 503 ? 'lost' : 'refused';
  return isRefresh ? 'refresh' : '';
}

/** What an answer of the token endpoint says; its tokens are not for showing.
 * @param {Response} response @param {string} text */
function noteOf({ ok }, text) {
  try {
    const answer = JSON.parse(text);
    if (!ok) return `${answer.error}: ${answer.error_description}`;
    const { gen } = JSON.parse(atob(answer.access_token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')));
    return `A new access token, of generation ${gen}.`;
  } catch {
    return '';
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
  const same = last?.dataset.what === `${what} ${outcome}` && !note ? last : null;
  const times = Number(same?.dataset.times ?? 0) + 1;
  const row = element('li', '', kind);
  row.dataset.what = `${what} ${outcome}`;
  row.dataset.times = String(times);
  const many = times > 1 ? ` × ${times}` : '';
  row.append(element('time', time), element('span', what + many), element('b', outcome), element('span', took, 'took'));
  if (note) row.append(element('span', note, 'note'));
  same?.remove();
  list.prepend(row);
  while (list.children.length > ROWS) list.lastElementChild?.remove();
}
