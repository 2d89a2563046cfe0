// Runs one case: node run.mjs FOLDER CHROMIUM URL FILE CASE [QUICKSTART]
//
// FOLDER/node_modules has playwright-core; URL is where `examples/browser.rs` listens.

import { World } from './world.mjs';

const [folder, chromium, url, file, name, quickstart] = process.argv.slice(2);
const cases = await import(`./cases/${file}.mjs`);

const timer = setTimeout(() => {
  console.error('it takes too long');
  process.exit(1);
}, 120_000);
timer.unref();

const world = await World.start({ folder, chromium, url, quickstart });
try {
  await cases[name](world);
} finally {
  await world.close();
}
