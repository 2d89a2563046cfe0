#!/usr/bin/env bash
# puppeteer-core 24.43.1: takes `--enable-features` and `--disable-features` out of the array of arguments
# that its caller has given, so that a second start with the same array is without them.
#
# Expected: that the array is read and left as it is, as the docs of `LaunchOptions.args` ("Additional
# command line arguments to pass to the browser instance") say nothing else. Whoever keeps the arguments in a
# constant, and starts a browser again to test what outlives it, gets one without the features in
# silence: here without Device Bound Session Credentials, as if the browser had forgotten its key.
# Seen on 2026-11-29, with Node.js 20:
#   first: PdfOopif,DeviceBoundSessions
#   second: PdfOopif
#   left: --no-first-run
# Rests on it: tests/browser/drivers/devices.mjs, which makes the array anew at each start
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm install --silent --ignore-scripts --no-audit --no-fund puppeteer-core@24.43.1
cat >run.mjs <<'END'
import puppeteer from 'puppeteer-core';

const args = ['--no-first-run', '--enable-features=DeviceBoundSessions'];
// What `launch` asks too, before it starts the browser.
const features = () => {
  const all = puppeteer.defaultArgs({ args });
  return all.find((arg) => arg.startsWith('--enable-features='))?.split('=')[1];
};
console.log(`first: ${features()}`);
console.log(`second: ${features()}`);
console.log(`left: ${args.join(' ')}`);
END
seen=$(node run.mjs)
expected='first: PdfOopif,DeviceBoundSessions
second: PdfOopif
left: --no-first-run'
echo "$seen"
[ "$seen" = "$expected" ] || { echo "it is different now"; exit 1; }
