/** HTTP client, at a server that is one: a few lines that answer as docs/protocol.md says. */

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import test from 'node:test';

import { ApiClient } from '../../../client/api-client.js';
import { verify } from '../../../client/identity.js';
import { pause } from '../../../client/promises.js';
import { canonical } from '../../../client/protocol/messages.js';
import { Memory } from '../memory-store.js';
import { Person } from '../people.js';
import { withCode } from '../vectors.js';

const [ALICE, BOB] = [await Person.born(), await Person.born()];
const HOUR_MS = 3_600_000;
const CONFIG = { vapid_public_key: 'BCVx', ice_servers: [] };
const SUBSCRIPTION = {
  toJSON: () => ({ endpoint: 'https://push.example.org/1', expirationTime: null, keys: { p256dh: 'BCVx', auth: 'BTBZ' } }),
};

/** Serve one test: each answer once, the last for ever; `ahead` is how its clock goes. Return the client and what it asked. */
async function serve(context, answers, { ahead = 0, wait = 0 } = {}) {
  const asked = [];
  const http = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString();
    asked.push({ path: request.url, method: request.method, call: body && JSON.parse(body), body });
    const { status = 200, headers = {}, text, destroy, ...answer } = answers.length > 1 ? answers.shift() : answers[0];
    if (destroy) return request.socket.destroy();
    await pause(wait);
    response.writeHead(status, headers).end(text ?? JSON.stringify({ ok: status === 200, timestamp: Date.now() + ahead, ...answer }));
  });
  await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
  context.after(() => http.close(() => undefined) && http.closeAllConnections());
  const store = new Memory();
  const server = new ApiClient(`http://127.0.0.1:${http.address().port}/`, ALICE.identity, store);
  return { server, asked, store };
}

const refusal = (code, status, headers) => ({ code, status, headers, reason: 'A sentence.' });

test('a call is signed over its canonical text', async (context) => {
  const { server, asked } = await serve(context, [{}]);

  await server.relay('offer', BOB.address, { encryptionKey: 'KEY', payload: 'SEALED' });

  const [{ path, call }] = asked;
  assert.deepEqual([path, call.a], ['/offer', 'offer']);
  assert.deepEqual({ ...call.b, b: 0 }, { a: ALICE.address, b: 0, c: BOB.address, d: 'KEY', e: 'SEALED' });
  assert.equal(await verify(ALICE.address, canonical(call.b), call.c), true);
});

test('what happened a moment ago has the time of then', async (context) => {
  const { server, asked } = await serve(context, [{}]);

  await server.relay('close', BOB.address, {}, Date.now() - 2000); // or it would end a call that was begun since
  await server.relay('close', BOB.address, {}, Date.now() - HOUR_MS); // which the server would not take

  const ages = asked.map(({ call }) => Math.round((Date.now() - call.b.b) / 1000));
  assert.deepEqual(ages, [2, 4]);
});

test('a body is spelled as it was signed', async (context) => {
  const { server, asked } = await serve(context, [{}]);

  await server.relay('dial', BOB.address, { encryptionKey: 'KEY' });

  assert.ok(asked[0].body.includes(canonical(asked[0].call.b)));
});

test('a close has no key', async (context) => {
  const { server, asked } = await serve(context, [{}]);

  await server.relay('close', BOB.address);

  assert.deepEqual(Object.keys(asked[0].call.b), ['a', 'b', 'c']);
});

test('an update carries the subscription', async (context) => {
  const { server, asked } = await serve(context, [{}]);

  await server.update(SUBSCRIPTION);

  assert.deepEqual(asked[0].call.b.b, { a: 'https://push.example.org/1', b: null, c: { a: 'BCVx', b: 'BTBZ' } });
});

test('an update proves its endpoint with a code', async (context) => {
  const { server, asked } = await serve(context, [{}]);

  await server.update(SUBSCRIPTION, { code: 'CODE' });

  assert.equal(asked[0].call.b.d, 'CODE');
});

const SEVERAL = { device: 'aaaaaaaaaaaa', devices: [{ id: 'bbbbbbbbbbbb', updated: 1 }, { id: 'aaaaaaaaaaaa', updated: 2 }] };

test('with several devices, a call says from which, and to which', async (context) => {
  const { server, asked } = await serve(context, [SEVERAL, {}]);
  await server.update(SUBSCRIPTION);

  await server.relay('close', BOB.address, { toDevice: 'cccccccccccc' });

  assert.deepEqual([server.device, server.devices], [SEVERAL.device, SEVERAL.devices]);
  assert.deepEqual([asked[1].call.b.d, asked[1].call.b.e], ['aaaaaaaaaaaa', 'cccccccccccc']);
});

test('with one device, nothing is said of it', async (context) => {
  const { server, asked } = await serve(context, [{ ...SEVERAL, devices: SEVERAL.devices.slice(1) }, {}]);
  await server.update(SUBSCRIPTION);

  await server.relay('close', BOB.address);

  assert.deepEqual(Object.keys(asked[1].call.b), ['a', 'b', 'c']);
});

test('the other devices are told of a dial that rings there too, and of no other', async (context) => {
  const { server, asked } = await serve(context, [{}]);

  await server.silence({ encryptionKey: 'KEY' });
  await server.silence({ encryptionKey: 'KEY', devices: 2 });

  assert.deepEqual(asked.map(({ call: { a, b } }) => [a, b.c, b.f]), [['close', ALICE.address, 'KEY']]);
});

test('one device is ended by its name', async (context) => {
  const { server, asked } = await serve(context, [{}]);

  await server.update(null, { device: 'bbbbbbbbbbbb' });

  assert.deepEqual([asked[0].call.b.b, asked[0].call.b.e], [null, 'bbbbbbbbbbbb']);
});

test('null forgets the subscription', async (context) => {
  const { server, asked } = await serve(context, [{}]);

  await server.update(null);

  assert.equal(asked[0].call.b.b, null);
});

test('a call that no push could carry is not sent', async (context) => {
  const { server, asked } = await serve(context, [{}]);

  await assert.rejects(server.relay('offer', BOB.address, { encryptionKey: 'KEY', payload: 'A'.repeat(4000) }), withCode('message_too_large'));
  assert.deepEqual(asked, []);
});

test('a refusal has its code, its reason, its status and its wait', async (context) => {
  const { server } = await serve(context, [refusal('too_many_calls', 429, { 'Retry-After': '9' })]);

  await assert.rejects(server.relay('close', BOB.address), { code: 'too_many_calls', message: 'A sentence.', status: 429, retryAfter: 9 });
});

test('a clock that is wrong is right at the second try', async (context) => {
  const { server, asked, store } = await serve(context, [refusal('stale_timestamp', 409), {}], { ahead: HOUR_MS });

  await server.relay('close', BOB.address);

  const [first, second] = asked.map(({ call }) => call.b.b);
  assert.ok(Math.abs(second - first - HOUR_MS) < 1000);
  assert.ok(Math.abs((await store.get('state', 'ahead')) - HOUR_MS) < 1000);
});

test('a clock that stays wrong is told', async (context) => {
  const { server, asked } = await serve(context, [refusal('stale_timestamp', 409)]);

  await assert.rejects(server.relay('close', BOB.address), withCode('stale_timestamp'));
  assert.equal(asked.length, 2);
});

const STUN = [{ urls: ['stun:a.org'] }];
const TURN = [...STUN, { urls: ['turn:b.org'], username: '1:x', credential: 'secret' }];

test('without a TURN server the configuration says all', async (context) => {
  const { server, asked } = await serve(context, [{ ...CONFIG, ice_servers: STUN, turn: false }]);

  assert.deepEqual(await server.iceServers(), STUN);
  assert.deepEqual(asked.map(({ path }) => path), ['/config']);
});

test('TURN credentials are asked for by a signed update, once an hour', async (context) => {
  const { server, asked } = await serve(context, [{ ...CONFIG, ice_servers: STUN, turn: true }, { ice_servers: TURN }]);

  const servers = [await server.iceServers(), await server.iceServers()];

  const [, { path, call }] = asked;
  assert.deepEqual(servers, [TURN, TURN]);
  assert.deepEqual([path, Object.keys(call.b), asked.length], ['/update', ['a', 'c'], 2]);
});

test('a refused credential leaves the servers that anybody may use', async (context) => {
  const { server } = await serve(context, [{ ...CONFIG, ice_servers: STUN, turn: true }, refusal('too_many_calls', 429)]);

  assert.deepEqual(await server.iceServers(), STUN);
});

test('the time is that of the server', async (context) => {
  const { server } = await serve(context, [CONFIG], { ahead: -HOUR_MS });

  await server.config();

  assert.ok(Math.abs(server.now() - Date.now() + HOUR_MS) < 1000);
});

test('a slow answer does not set a clock that is right', async (context) => {
  const { server } = await serve(context, [CONFIG, {}], { wait: 300 });
  await server.config();
  const before = server.now() - Date.now();

  await server.relay('close', BOB.address);

  assert.equal(server.now() - Date.now(), before);
});

test('a clock of another day is set by the first answer', async (context) => {
  const { server, store } = await serve(context, [CONFIG]);
  await store.put('state', HOUR_MS, 'ahead');

  await server.config();

  assert.ok(Math.abs(await store.get('state', 'ahead')) < 1000);
});

test('a refusal that says when is tried again, when that is soon', async (context) => {
  const { server, asked } = await serve(context, [refusal('database_unavailable', 503, { 'Retry-After': '1' }), {}]);
  const began = performance.now();

  await server.relay('close', BOB.address);

  assert.equal(asked.length, 2);
  assert.ok(performance.now() - began > 990);
});

const FINAL = {
  'it would take longer': refusal('overloaded', 503, { 'Retry-After': '30' }),
  'it says no time': refusal('database_unavailable', 503),
  'the push service is busy': refusal('push_busy', 503, { 'Retry-After': '1' }),
  'the recipient is unknown': refusal('unknown_recipient', 404),
};

for (const [name, answer] of Object.entries(FINAL)) {
  test(`nothing is tried again when ${name}`, async (context) => {
    const { server, asked } = await serve(context, [answer, {}]);

    await assert.rejects(server.relay('close', BOB.address), withCode(answer.code));
    assert.equal(asked.length, 1);
  });
}

test('a request that found no server goes again, the very same', async (context) => {
  const { server, asked } = await serve(context, [{ destroy: true }, {}]);

  await server.relay('close', BOB.address);

  assert.equal(asked.length, 2);
  assert.equal(asked[0].body, asked[1].body);
});

test('a server that is not there is told in the end', async (context) => {
  const { server, asked } = await serve(context, [{ destroy: true }]);

  await assert.rejects(server.relay('close', BOB.address), withCode('server_unreachable'));
  assert.equal(asked.length, 3);
});

test('a proxy without its server is a server that is not there', async (context) => {
  const { server } = await serve(context, [{ status: 502, text: '<h1>Bad Gateway</h1>' }]);

  await assert.rejects(server.config(), withCode('server_unreachable'));
});

const STRANGERS = {
  'a page': { text: '<p>Hello' },
  'other JSON': { text: '{}' },
  null: { text: 'null' },
  'a time that is none': { timestamp: 'now' },
};

for (const [name, answer] of Object.entries(STRANGERS)) {
  test(`what answers with ${name} is no Whisper server`, async (context) => {
    const { server } = await serve(context, [answer]);

    await assert.rejects(server.config(), withCode('not_a_server'));
  });
}

test('a server without a key for push services is none', async (context) => {
  const { server } = await serve(context, [{ ice_servers: [] }]);

  await assert.rejects(server.config(), withCode('not_a_server'));
});

test('the config is asked once', async (context) => {
  const { server, asked } = await serve(context, [CONFIG]);

  const [first, second] = [await server.config(), await server.config()];

  assert.equal(first, second);
  assert.deepEqual([asked.length, asked[0].path, asked[0].method], [1, '/config', 'GET']);
});

test('the origin is taken with or without a slash', () => {
  assert.equal(new ApiClient('https://example.org//', ALICE.identity, new Memory()).origin, 'https://example.org');
});
