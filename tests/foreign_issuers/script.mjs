// What the scripts of Node's have in common.
//
//   node SERVER.mjs FOLDER [MODE]      FOLDER/node_modules has the packages
//
// A script prints one line of JSON: where its server is, and what a client and a resource server need
// there. At each line "rotate" it makes the server sign with a new key, and prints one more line of JSON
// when it does. It lives as long as its standard input is open.

import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

export const API = 'https://api.example';
export const mode = process.argv[3];

const require = createRequire(resolve(process.argv[2], 'package.json'));

export const load = (name) => import(pathToFileURL(require.resolve(name)));

export const listen = async () => {
  const server = createServer();
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  return [server, `http://127.0.0.1:${server.address().port}`];
};

export const started = (facts, rotate) => {
  console.log(JSON.stringify(facts));
  createInterface({ input: process.stdin })
    .on('line', async () => console.log(JSON.stringify(await rotate())))
    .on('close', () => process.exit());
};
