// Runs the cases of a file in a browser: node run.mjs '{"browser": …}', as `main.rs` has it.
//
// With CASE=name in the environment it runs that one.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { start as startPuppeteer } from './drivers/puppeteer.mjs';
import { start as startWebkit } from './drivers/webkit.mjs';
import { UNABLE } from './unable.mjs';
import { World } from './world.mjs';

const { browser, file, cases, certificate, ...tools } = JSON.parse(process.argv[2]);
const DRIVERS = { chromium: startPuppeteer, firefox: startPuppeteer, webkit: startWebkit };
const LONGEST = 90_000;

const written = await import(`./cases/${file}.mjs`);
assert.deepEqual(Object.keys(written).sort(), cases.map(({ name }) => name).sort(), 'no case is left out');

const read = (path) => path && { cert: readFileSync(`${path}.crt`), key: readFileSync(`${path}.key`) };

/** Throws what went wrong. */
async function run(driver, { name, url, quickstart }) {
  const world = new World({ driver, certificate: read(certificate), url, quickstart });
  const slow = new Promise((_, reject) => {
    setTimeout(() => reject(new Error('it takes too long')), LONGEST).unref();
  });
  try {
    await Promise.race([written[name](world), slow]);
    world.isWell();
  } finally {
    await world.close();
  }
}

const driver = await DRIVERS[browser](browser, tools);
try {
  const wanted = cases.filter(({ name }) => !process.env.CASE || process.env.CASE === name);
  for (const one of wanted) {
    const name = `${file}::${one.name}`;
    const why = UNABLE[browser][name];
    if (why) {
      console.log(`unable ${browser} ${name}: ${why}`);
      continue;
    }
    const begun = performance.now();
    try {
      await run(driver, one);
      console.log(`passed ${browser} ${name} (${Math.round(performance.now() - begun)} ms)`);
    } catch (error) {
      process.exitCode = 1;
      console.log(`FAILED ${browser} ${name}`);
      console.error(error);
    }
  }
} finally {
  await driver.close();
}
