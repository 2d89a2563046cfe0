// What a client of WHATWG's WebSocket and EventSource sees, way by way. It runs in pages too, so it uses nothing
// from outside.

export async function ways({ url, login }) {
  const here = url.replace('http', 'ws');
  const call = (path, headers, body) => fetch(url + path, { method: 'POST', headers, body });
  const json = { 'Content-Type': 'application/json' };
  const token = (await (await call('/auth/login', json, login)).json()).access_token;
  const bearer = { Authorization: `Bearer ${token}` };
  const ticket = async (path) => {
    const answer = await call(`/tickets/${path}`, bearer);
    return `/${path}?access_ticket=${(await answer.json()).access_ticket}`;
  };

  const heard = (start) => {
    const first = new Promise((done) => {
      setTimeout(() => done('nothing'), 20_000);
      start(done);
    });
    return first.catch((error) => `throws ${error.name}`);
  };
  const socket = (path, offer) =>
    heard((done) => {
      const it = offer ? new WebSocket(here + path, offer) : new WebSocket(here + path);
      it.onopen = () => it.send('hello');
      it.onmessage = ({ data }) => {
        done(`open${it.protocol && ` ${it.protocol}`}, ${data}`);
        it.close();
      };
      it.onclose = ({ code }) => done(`closed ${code}`);
      it.onerror = () => {};
    });
  const events = (path) =>
    heard((done) => {
      const it = new EventSource(url + path);
      it.onmessage = ({ data }) => {
        done(`open, ${data}`);
        it.close();
      };
      it.onerror = () => {
        if (it.readyState === 2) done('closed');
      };
    });

  const seen = {
    nothing: await socket('/socket'),
    protocol: await socket('/socket', ['echo.v1', `bearer.${token}`]),
    'token alone': await socket('/socket', [`bearer.${token}`]),
    'none selected': await socket('/socket', ['other.v1', `bearer.${token}`]),
    'bad token': await socket('/socket', ['echo.v1', `bearer.${token}x`]),
  };
  const [forSocket, forEvents] = [await ticket('socket'), await ticket('events')];
  seen['ticket elsewhere'] = await socket(forEvents.replace('events', 'socket'));
  seen.ticket = await socket(forSocket);
  seen['ticket again'] = await socket(forSocket);
  seen['events by ticket'] = await events(forEvents);
  seen['events again'] = await events(forEvents);
  seen.logout = await heard((done) => {
    const it = new WebSocket(here + '/socket', ['echo.v1', `bearer.${token}`]);
    it.onopen = () => call('/auth/logout', bearer);
    it.onclose = ({ code, reason }) => done(`closed ${code} ${reason}`);
    it.onerror = () => {};
  });
  return seen;
}

/** What a page of another origin can open here, where the browser has a cookie of a login. */
export async function fromElsewhere({ url, token }) {
  const open = (offer) =>
    new Promise((done) => {
      const it = new WebSocket(url.replace('http', 'ws') + '/socket', offer);
      it.onopen = () => (done('open'), it.close());
      it.onclose = ({ code }) => done(`closed ${code}`);
    });
  return { 'cookie elsewhere': await open(), 'token elsewhere': await open(['echo.v1', `bearer.${token}`]) };
}
