// The program that is taken over, as tutorials write it: Express, a document of Mongoose with a list of
// refresh tokens, access tokens by jsonwebtoken.
//
//     node express.mjs FOLDER
//
// FOLDER is where the packages are installed. The environment has MONGODB_URL, JWT_SECRET, ACCESS_TTL (seconds)
// and FORWARD_TO: once it is set, a refresh token that is not in the database goes to the new program.
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';

const require = createRequire(resolve(process.argv[2], 'package.json'));
const express = require('express');
const jwt = require('jsonwebtoken');
const mongoose = require('mongoose');

const { MONGODB_URL, JWT_SECRET, ACCESS_TTL = '900', FORWARD_TO } = process.env;

const User = mongoose.model('User', new mongoose.Schema({
  name: String,
  password: String, // A real program keeps a hash.
  refreshTokens: [String],
}), 'users');

const accessToken = (user) =>
  jwt.sign({ id: user.name }, JWT_SECRET, { expiresIn: Number(ACCESS_TTL) });

const app = express();
app.use(express.json());

app.post('/login', async (request, response) => {
  const { username, password } = request.body;
  const user = await User.findOne({ name: String(username) });
  if (!user || user.password !== password) {
    return response.status(401).json({ error: 'invalid_credentials' });
  }
  const refreshToken = randomUUID();
  user.refreshTokens.push(refreshToken);
  await user.save();
  response.json({ accessToken: accessToken(user), refreshToken });
});

app.post('/refresh-token', async (request, response) => {
  const { refreshToken } = request.body;
  const user = await User.findOne({ refreshTokens: String(refreshToken) });
  if (!user) {
    // The one change for the takeover: what is not here any more may be there.
    return FORWARD_TO ? forward(request, response) : response.status(403).json({ error: 'unknown' });
  }
  const next = randomUUID();
  user.refreshTokens = user.refreshTokens.filter((token) => token !== refreshToken).concat(next);
  await user.save();
  response.json({ accessToken: accessToken(user), refreshToken: next });
});

async function forward(request, response) {
  const { refreshToken } = request.body;
  const answer = await fetch(`${FORWARD_TO}/refresh-token`, {
    method: 'POST',
    // The client's user agent, as otherwise that of Node.js takes its place.
    headers: { 'content-type': 'application/json', 'user-agent': request.get('user-agent') ?? '' },
    body: JSON.stringify({ refreshToken }),
  });
  const retry = answer.headers.get('retry-after');
  if (retry) response.set('retry-after', retry);
  response.status(answer.status).json(await answer.json());
}

app.get('/me', (request, response) => {
  const token = request.get('authorization')?.replace(/^Bearer /, '');
  try {
    response.json({ name: jwt.verify(token, JWT_SECRET, { algorithms: ['HS256'] }).id });
  } catch {
    response.status(401).json({ error: 'invalid_token' });
  }
});

// Express 5 passes a rejected promise on to here.
app.use((error, request, response, next) => {
  console.error(error);
  response.status(503).json({ error: 'unavailable' });
});

await mongoose.connect(MONGODB_URL);
const server = app.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
process.on('SIGTERM', () => server.close(() => process.exit()));
