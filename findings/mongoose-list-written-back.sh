#!/usr/bin/env bash
# npm mongoose 9.12.1: an element that another program has taken out of a list with `$pull` is back after `save()`, if
# the document was read before that and its list was replaced by a filtered one. No error tells of it.
#
# Expected: the document has a version, `__v`, which is there so that changes of a list that meet are noticed
# (mongoose's guide, option `versionKey`), and `save()` does compare it. But only mongoose counts it: an update by
# a driver leaves it as it is, and the comparison then finds nothing.
# Seen on 2026-11-29, with Node.js 20, on nx-27017 0.8.1:
#   $pull: saved; phone,laptop-2
#   $pull and $inc of __v: VersionError; laptop
# Rests on it: examples/takeover/old_tokens.rs, src/manual/taking_over.md
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" || true; rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install -q nx-27017==0.8.1 neosqlite==1.17.2
npm install --silent --ignore-scripts --no-audit --no-fund mongoose@9.12.1
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
venv/bin/nx-27017 --data-dir data --port "$port" --log-file server.log --pid-file pid >log 2>&1 &
server=$!
for _ in $(seq 100); do
  grep -q "Listening on" log && break
  sleep 0.1
done

cat >run.mjs <<'END'
import mongoose from 'mongoose';

await mongoose.connect(`mongodb://127.0.0.1:${process.argv[2]}/finding`);
const User = mongoose.model('User', new mongoose.Schema({ name: String, tokens: [String] }));

async function meet(how, update) {
  await User.deleteMany({});
  await User.create({ name: 'anna', tokens: ['phone', 'laptop'] });
  const user = await User.findOne({ name: 'anna' });
  await User.collection.updateOne({ name: 'anna' }, update);
  user.tokens = user.tokens.filter((token) => token !== 'laptop').concat('laptop-2');
  const saved = await user.save().then(() => 'saved', ({ name }) => name);
  const { tokens } = await User.collection.findOne({ name: 'anna' });
  console.log(`${how}: ${saved}; ${tokens}`);
}

await meet('$pull', { $pull: { tokens: 'phone' } });
await meet('$pull and $inc of __v', { $pull: { tokens: 'phone' }, $inc: { __v: 1 } });
await mongoose.disconnect();
END
seen=$(node run.mjs "$port")
expected='$pull: saved; phone,laptop-2
$pull and $inc of __v: VersionError; laptop'
echo "$seen"
[ "$seen" = "$expected" ] || { echo "it is different now"; exit 1; }
