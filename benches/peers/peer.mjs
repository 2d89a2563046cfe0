// What the peers have in common.
//
//   node SERVER.mjs FOLDER CLIENTS [DATABASE]      FOLDER/node_modules has the packages
//
// A script logs as many clients in and prints one line of JSON: where its server takes refreshes, what
// the form begins with, and each client's refresh token. It lives as long as its standard input is open.

import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [, , folder, count, database] = process.argv;

const require = createRequire(resolve(folder, 'package.json'));

export const load = async (name) => import(pathToFileURL(require.resolve(name)));

export const clients = Array.from({ length: Number(count) });

export const listen = async () => {
  // Connections stay while others are measured.
  const server = createServer({ keepAliveTimeout: 0 });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  return [server, `http://127.0.0.1:${server.address().port}`];
};

// As many connections as the crate's store has that is given an address.
export const pool = async () => {
  const { default: { Pool } } = await load('pg');
  return new Pool({ connectionString: database, max: 10 });
};

export const started = (server, path, form, tokens) => {
  const { port } = server.address();
  console.log(JSON.stringify({ port, path, form, tokens }));
  process.stdin.resume().on('end', () => process.exit());
};
