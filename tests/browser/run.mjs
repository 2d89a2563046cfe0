// Runs the cases in a browser: node run.mjs '{"browser": …}', as `main.rs` has it.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startBrowser } from './drivers/puppeteer.mjs';
import { startWebkit } from './drivers/webkit.mjs';
import { Server } from './server.mjs';
import { UNABLE } from './unable.mjs';
import { World } from './world.mjs';

const { browser, cases, folder, servers, ...tools } = JSON.parse(process.argv[2]);

/** They wait more than they work. */
const AT_ONCE = 3;
/** The keyboard belongs to one window of the screen, and a busy browser puts fewer pages away. */
const ALONE = ['session::keyboard', 'session::focus', 'cache::waits_again'];
const LONGEST = 180_000;
/** More failures are not those of a busy machine. */
const MAY_REPEAT = 3;

// WebKitGTK takes no `Secure` cookie from plain HTTP, not even from localhost. The others run as a
// developer would see it.
const needsTls = browser === 'webkit';
const read = (name) => readFileSync(join(folder, name));
const certificate = needsTls ? { cert: read('tls.crt'), key: read('tls.key') } : null;

async function written() {
  const files = {};
  for (const file of new Set(cases.map(({ file }) => file))) {
    files[file] = await import(`./cases/${file}.mjs`);
    const named = cases.filter((one) => one.file === file).map(({ name }) => name);
    assert.deepEqual(Object.keys(files[file]).sort(), named.sort(), `${file}: no case is left out`);
  }
  return files;
}

/** Throws what went wrong. */
async function run(work, driver, { file, env }) {
  const started = [];
  const start = async (name) => {
    const server = await Server.start(servers[name], { folder, env });
    started.push(server);
    return server.url;
  };
  const url = await start('browser');
  const quickstart = ['body', 'bound'].includes(file) ? await start('quickstart') : null;
  const world = new World({ driver, certificate, url, quickstart });
  const slow = new Promise((_, reject) => {
    setTimeout(() => reject(new Error('it takes too long')), LONGEST).unref();
  });
  try {
    await Promise.race([work(world), slow]);
    world.isWell();
  } finally {
    await world.close();
    for (const server of started) await server.stop();
  }
}

/** Whether the case has passed, or cannot. */
async function report(work, driver, one, how = '') {
  const name = `${one.file}::${one.name}`;
  const why = UNABLE[browser][name];
  if (why) {
    console.log(`unable ${browser} ${name}: ${why}`);
    return true;
  }
  const begun = performance.now();
  try {
    await run(work, driver, one);
    console.log(`passed ${browser} ${name}${how} (${Math.round(performance.now() - begun)} ms)`);
    return true;
  } catch (error) {
    console.log(`FAILED ${browser} ${name}${how}`);
    console.log(error);
    return false;
  }
}

const files = await written();
const driver = await (needsTls ? startWebkit(tools) : startBrowser(browser, tools));
try {
  const { CASE } = process.env;
  const wanted = cases.filter(({ file, name }) => !CASE || `${file}::${name}`.startsWith(CASE));
  const isAlone = ({ file, name }) => ALONE.includes(`${file}::${name}`);
  const failed = [];
  const worker = (left) => async () => {
    for (let one = left.shift(); one; one = left.shift()) {
      if (!(await report(files[one.file][one.name], driver, one))) failed.push(one);
    }
  };
  await worker(wanted.filter(isAlone))();
  const others = wanted.filter((one) => !isAlone(one));
  await Promise.all(Array.from({ length: AT_ONCE }, () => worker(others)()));
  // Windows of one browser get into each other's way on a busy machine, which is no fault of the
  // module. What fails here too fails.
  assert.ok(failed.length <= MAY_REPEAT, `${failed.length} cases failed`);
  for (const one of failed) {
    const passes = await report(files[one.file][one.name], driver, one, ', repeated alone');
    if (!passes) process.exitCode = 1;
  }
} finally {
  await driver.close();
}
