// The route that tutorials show: Express, jsonwebtoken, and the tokens in an array. It takes a token once.

import { clients, listen, load, started } from '../peer.mjs';

const { default: express } = await load('express');
const { default: jwt } = await load('jsonwebtoken');
const { v4: uuid } = await load('uuid');

const ACCESS_SECRET = '0123456789abcdef0123456789abcdef';
const REFRESH_SECRET = 'fedcba9876543210fedcba9876543210';
let refreshTokens = [];

const accessToken = (user) => jwt.sign({ sub: user, jti: uuid() }, ACCESS_SECRET, { expiresIn: '15m' });
const refreshToken = (user) => {
  const token = jwt.sign({ sub: user, jti: uuid() }, REFRESH_SECRET, { expiresIn: '7d' });
  refreshTokens.push(token);
  return token;
};

const app = express();
app.use(express.urlencoded({ extended: false }));
app.post('/token', (request, response) => {
  const { refresh_token: token } = request.body;
  if (!token || !refreshTokens.includes(token)) {
    response.status(403).json({ error: 'invalid_grant' });
    return;
  }
  jwt.verify(token, REFRESH_SECRET, (error, user) => {
    refreshTokens = refreshTokens.filter((other) => other !== token);
    if (error) {
      response.status(403).json({ error: 'invalid_grant' });
      return;
    }
    response.json({ access_token: accessToken(user.sub), refresh_token: refreshToken(user.sub) });
  });
});

const [server] = await listen();
server.on('request', app);
const tokens = clients.map(() => refreshToken('user-42'));
started(server, '/token', 'grant_type=refresh_token', tokens);
