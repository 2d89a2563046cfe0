// Between a browser and the example server: writes down what goes over it, and answers, holds back or
// breaks off what a test says. It is a server of its own, so it works with each browser alike.

import { createServer, request as ask } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { text } from 'node:stream/consumers';

/** In each page before its own scripts: complaints, words to find what is shown, and time to pass. */
function before() {
  const complain = (what) => navigator.sendBeacon('/test/complaint', String(what));
  addEventListener('error', ({ message }) => complain(message));
  addEventListener('unhandledrejection', ({ reason }) => complain(reason));
  addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
    complain(`the policy forbids ${violatedDirective} ${blockedURI}`),
  );
  addEventListener('pageshow', ({ persisted }) => (window.cameBack = persisted));
  window.warnings = [];
  console.warn = (...words) => window.warnings.push(words.join(' '));
  window.pass = (milliseconds) => {
    for (const clock of [Date, performance]) {
      const real = clock.now.bind(clock);
      clock.now = () => real() + milliseconds;
    }
  };
  window.shown = (selector, name) => {
    const named = (element) => (element.getAttribute('aria-label') ?? element.textContent).trim();
    const isIt = (element) => element.checkVisibility() && named(element).startsWith(name);
    return [...document.querySelectorAll(selector)].find(isIt);
  };
}

const BARE = '<!doctype html><title>bare</title><script type="module" src="/test/bare.js"></script>';
const BARE_SCRIPT = `
  import { createClient } from '/tower-bearer.js';
  window.start = (options) => {
    window.client = createClient(options);
    window.reasons = [];
    window.client.onSignedOut((reason) => window.reasons.push(reason));
  };`;

const SCRIPT = { 'content-type': 'text/javascript' };
/** As the page has it: between pages that differ in this WebKit's driver loses its window. */
const POLICY = { 'cross-origin-opener-policy': 'same-origin' };
const HTML = { 'content-type': 'text/html; charset=utf-8', ...POLICY };

export class Wire {
  /** What browsers have asked for, and what they were `answered`: status, headers and body. */
  requests = [];
  complaints = [];
  isOffline = false;
  #rules = [];
  #before = '';

  /** `script` is a function that each page runs before all else, with that argument. */
  static async start(upstream, { certificate, script, argument } = {}) {
    const wire = new Wire();
    const listener = (request, response) => wire.#serve(request, response).catch(() => response.destroy());
    wire.server = certificate ? createSecureServer(certificate, listener) : createServer(listener);
    await new Promise((listening) => wire.server.listen(0, '127.0.0.1', listening));
    wire.url = `http${certificate ? 's' : ''}://127.0.0.1:${wire.server.address().port}`;
    wire.upstream = new URL(upstream);
    wire.#before = `(${before})();`;
    if (script) wire.#before += `(${script})(${JSON.stringify(argument)});`;
    return wire;
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }

  /**
   * From now on requests to this path, with its query if it names one, go by the rule. It returns an
   * answer, or the origin of another server, or nothing where the request is to be passed on.
   * Returns what undoes it.
   */
  route(path, rule) {
    const entry = { path, rule };
    this.#rules.unshift(entry);
    return () => this.#rules.splice(this.#rules.indexOf(entry), 1);
  }

  /** Holds back what is asked for at this path, until the returned function is called. */
  hold(path) {
    let release;
    const released = new Promise((resolve) => (release = resolve));
    this.route(path, () => released);
    return () => release();
  }

  /** Whoever answers, so many of its next answers at this path are lost, cookies and all. */
  lose(path, times, origin) {
    let left = times;
    this.route(path, async (request) => {
      left -= 1;
      if (left < 0) return origin;
      await this.#pass(request, origin);
      return { headers: { 'content-type': 'application/json' }, body: '{', isBroken: true };
    });
  }

  /** The requests to that path. */
  to(path) {
    return this.requests.filter((request) => request.path === path);
  }

  async #serve(incoming, outgoing) {
    const { method, url, headers, rawHeaders } = incoming;
    const [path] = url.split('?');
    const body = await text(incoming);
    if (path.startsWith('/test/')) return this.#serveTest(path, body, outgoing);
    const request = { method, url, path, headers, rawHeaders, body, answered: null };
    this.requests.push(request);
    if (this.isOffline) return outgoing.destroy();
    const rule = this.#rules.find(({ path: wanted }) => wanted === path || wanted === url);
    const said = await rule?.rule(request);
    request.answered = typeof said === 'object' ? said : await this.#pass(request, said);
    this.#answer(outgoing, request.answered);
  }

  #serveTest(path, body, outgoing) {
    if (path === '/test/complaint') this.complaints.push(body);
    const files = {
      '/test/bare': { headers: HTML, body: this.#withBefore(BARE) },
      '/test/bare.js': { headers: SCRIPT, body: BARE_SCRIPT },
      '/test/before.js': { headers: SCRIPT, body: this.#before },
      '/test/elsewhere': { headers: HTML, body: '<!doctype html><title>elsewhere</title>' },
    };
    this.#answer(outgoing, files[path] ?? { status: 204 });
  }

  #withBefore(html) {
    return html.replace('<title>', '<script src="/test/before.js"></script><title>');
  }

  /** Of no connection that is used again would a browser ask twice by itself. */
  #answer(outgoing, { status = 200, headers = {}, body = '', isBroken = false }) {
    outgoing.writeHead(status, { ...headers, connection: 'close' });
    if (isBroken) outgoing.write(body, () => outgoing.destroy());
    else outgoing.end(body);
  }

  /** The answer of the server, as far as it comes. */
  #pass({ method, url, rawHeaders, body }, origin = this.upstream.origin) {
    const { hostname: host, port } = new URL(origin);
    return new Promise((resolve, reject) => {
      const request = ask({ host, port, method, path: url, headers: rawHeaders, agent: false });
      request.on('error', reject);
      request.on('response', async (response) => {
        const { 'content-length': _, 'transfer-encoding': __, ...headers } = response.headers;
        let body = '';
        let isBroken = false;
        try {
          for await (const part of response.setEncoding('utf8')) body += part;
        } catch {
          isBroken = true;
        }
        if (headers['content-type']?.startsWith('text/html')) body = this.#withBefore(body);
        resolve({ status: response.statusCode, headers, body, isBroken });
      });
      request.end(body);
    });
  }
}
