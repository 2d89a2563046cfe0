// The clients that run on Node.js, against a server with the layer.
//
//   node node_clients.mjs FOLDER CLIENT ADDRESS CALLS
//
// FOLDER/node_modules has the packages. CLIENT is grpc-js, grpc-web or connect. CALLS is JSON: a
// list of pairs of a name and an authorization or null. For each of them a unary and a streaming
// call are made, and what became of it is printed as a line of JSON.

import { createRequire } from 'node:module';
import { resolve } from 'node:path';

const [folder, client, address, calls] = process.argv.slice(2);
const require = createRequire(resolve(folder, 'package.json'));

const SAY = '/test.Hello/Say';
const COUNT = '/test.Hello/Count';
const HI = Buffer.from('\n\x02hi');
const TIMEOUT = 30_000;

// The text of a `google.protobuf.StringValue`.
const text = (bytes) => Buffer.from(bytes).subarray(2).toString();

// Each client is two functions from an authorization to the text of the replies. What they throw
// has a `code`, a `message` and a `challenge`.
const clients = {
  'grpc-js': () => {
    const grpc = require('@grpc/grpc-js');
    const channel = new grpc.Client(address, grpc.credentials.createInsecure());
    const options = () => ({ deadline: Date.now() + TIMEOUT });
    const metadata = (authorization) => {
      const metadata = new grpc.Metadata();
      if (authorization) metadata.set('authorization', authorization);
      return metadata;
    };
    const refused = (error) => ({
      code: error.code,
      message: error.details,
      challenge: error.metadata.get('www-authenticate')[0] ?? null,
    });
    return {
      unary: (authorization) => new Promise((done, fail) => {
        channel.makeUnaryRequest(SAY, (it) => it, text, HI, metadata(authorization), options(),
          (error, reply) => (error ? fail(refused(error)) : done(reply)));
      }),
      stream: (authorization) => new Promise((done, fail) => {
        const replies = [];
        channel.makeServerStreamRequest(COUNT, (it) => it, text, HI, metadata(authorization), options())
          .on('data', (reply) => replies.push(reply))
          .on('error', (error) => fail(refused(error)))
          .on('end', () => done(replies.join(' ')));
      }),
      close: () => channel.close(),
    };
  },

  // Made for browsers, of which it needs this.
  'grpc-web': () => {
    globalThis.XMLHttpRequest = require('xhr2');
    const { GrpcWebClientBase, MethodDescriptor } = require('grpc-web');
    const channel = new GrpcWebClientBase({ format: process.env.FORMAT });
    const method = (path, kind) => new MethodDescriptor(path, kind, Uint8Array, Uint8Array,
      () => HI, text);
    const metadata = (authorization) => ({
      deadline: String(Date.now() + TIMEOUT),
      ...(authorization ? { authorization } : {}),
    });
    const refused = (error) => ({
      code: error.code,
      message: error.message,
      challenge: error.metadata['www-authenticate'] ?? null,
    });
    const url = (path) => `http://${address}${path}`;
    return {
      unary: (authorization) => new Promise((done, fail) => {
        channel.rpcCall(url(SAY), HI, metadata(authorization), method(SAY, 'unary'),
          (error, reply) => (error ? fail(refused(error)) : done(reply)));
      }),
      stream: (authorization) => new Promise((done, fail) => {
        const replies = [];
        channel.serverStreaming(url(COUNT), HI, metadata(authorization), method(COUNT, 'server_streaming'))
          .on('data', (reply) => replies.push(reply))
          .on('error', (error) => fail(refused(error)))
          .on('end', () => done(replies.join(' ')));
      }),
    };
  },

  connect: () => {
    const { createGrpcWebTransport } = require('@connectrpc/connect-node');
    const { StringValueSchema } = require('@bufbuild/protobuf/wkt');
    // Over HTTP/1.1 it sends the body in a piece of its own, and a server that has refused the
    // request by then closes the connection.
    const transport = createGrpcWebTransport({ baseUrl: `http://${address}`, httpVersion: '2' });
    const method = (name, methodKind) => ({
      kind: 'rpc', name, localName: name, methodKind, parent: { typeName: 'test.Hello' },
      input: StringValueSchema, output: StringValueSchema, idempotency: 0,
    });
    const headers = (authorization) => (authorization ? { authorization } : {});
    const refused = (error) => Promise.reject({
      code: error.code,
      message: error.rawMessage,
      challenge: error.metadata.get('www-authenticate'),
    });
    async function* hi() {
      yield { value: 'hi' };
    }
    return {
      unary: (authorization) => transport
        .unary(method('Say', 'unary'), undefined, TIMEOUT, headers(authorization), { value: 'hi' })
        .then((reply) => reply.message.value, refused),
      stream: async (authorization) => {
        const replies = [];
        try {
          const answer = await transport
            .stream(method('Count', 'server_streaming'), undefined, TIMEOUT, headers(authorization), hi());
          for await (const reply of answer.message) replies.push(reply.value);
        } catch (error) {
          return refused(error);
        }
        return replies.join(' ');
      },
    };
  },
};

const { close, ...kinds } = clients[client]();
for (const [kind, call] of Object.entries(kinds)) {
  for (const [name, authorization] of JSON.parse(calls)) {
    const answer = await call(authorization).then(
      (message) => ({ code: 0, message, challenge: null }),
      ({ code, message, challenge }) => ({ code, message, challenge }),
    );
    console.log(JSON.stringify({ kind, name, ...answer }));
  }
}
close?.();
