/** Several devices of one person, by the shared vectors: what is read from the wire, and which dials ring at the end. */

import assert from 'node:assert/strict';
import test from 'node:test';

import { ApiClient } from '../../../../client/api-client.js';
import { IncomingCalls } from '../../../../client/incoming-calls.js';
import { canonical } from '../../../../client/protocol/messages.js';
import { readPush } from '../../../../client/protocol/push-parser.js';
import { newEncryptionKey } from '../../../../client/protocol/sealing.js';
import { countMissed, receive, settleAnsweredElsewhere, takeAnsweredElsewhere } from '../../../../client/push/inbox.js';
import { Person } from '../../people.js';
import { droppedAs, vectors } from '../../vectors.js';

const { recipient: CASES, timestamp: NOW, wire: WIRE } = vectors('devices.json');
/** The letter of the sender's device. */
const FROM = { dial: 'e', offer: 'f', answer: 'f', ice: 'g', close: 'd' };
const pushOf = ({ a, b, c }) => ({ a, b: canonical(b), c });

for (const { name, request, valid } of WIRE.filter((one) => one.request.a !== 'update')) {
  test(`a call of a device is ${valid ? 'read' : 'dropped'}: ${name}`, () => {
    const read = () => readPush(pushOf(request), request.b.c, NOW);

    if (valid) assert.equal(read().fromDevice, request.b[FROM[request.a]]);
    else assert.throws(read, droppedAs('not_a_call'));
  });
}

const KEYS = Object.fromEntries(await Promise.all(['K1', 'K2', 'K3'].map(async (name) => [name, (await newEncryptionKey()).publicKey])));
const nameOf = (key) => Object.keys(KEYS).find((name) => KEYS[name] === key);

/** What a worker does with a push, and a page with what the worker gives it. */
class Device {
  rings = new Map();
  ended = {};

  constructor(owner) {
    this.owner = owner;
    this.calls = new IncomingCalls(new ApiClient('http://127.0.0.1:1', owner.identity, owner.store), () => undefined);
    this.calls.on('ring', ({ dial, signal }) => {
      this.rings.set(nameOf(dial.encryptionKey), dial);
      signal.addEventListener('abort', () => this.#end(dial, signal.reason.code));
    });
  }

  async hears(push, devices) {
    const call = await receive(this.owner.store, push, devices);
    const elsewhere = await settleAnsweredElsewhere(this.owner.store, call);
    if (call.method === 'dial' && elsewhere.length > 0) return this.#end(call, 'answered_elsewhere');
    if (call.method === 'dial') this.calls.begin(call);
    else if (call.dialKey !== undefined) this.calls.onAnsweredElsewhere(call);
    else this.calls.onClose(call);
  }

  #end(dial, code) {
    this.rings.delete(nameOf(dial.encryptionKey));
    this.ended[nameOf(dial.encryptionKey)] = code;
  }
}

for (const { name, pushes, rings, ended } of CASES) {
  test(`the right dials ring: ${name}`, async () => {
    const people = Object.fromEntries(await Promise.all(['alice', 'bob', 'carol', 'mallory'].map(async (one) => [one, await Person.born()])));
    const device = new Device(people.bob);
    let at = Date.now();

    for (const { method, sender, key, dial, devices } of pushes) {
      const members = method === 'dial' ? { d: KEYS[key] } : dial ? { f: KEYS[dial] } : {};
      await device.hears(await people[sender].push(method, people.bob, (at += 1), members), devices);
    }

    assert.deepEqual([[...device.rings.keys()], device.ended], [rings, ended]);
    device.calls.stop();
  });
}

/** A close that a caller sends after a dial that came alone, from a device with this id, and how the dial ends. */
const CLOSES = {
  'with the key of the dial is a hang-up: nobody else can have answered': [{ f: KEYS.K1 }, 'hung_up'],
  'with the key of another dial ends nothing': [{ f: KEYS.K3 }, undefined],
  'from the same device is a hang-up': [{ d: 'aaaaaaaaaaa1' }, 'hung_up'],
  'from a device without a name is a hang-up': [{}, 'hung_up'],
  'from another device ends nothing': [{ d: 'bbbbbbbbbbb1' }, undefined],
  'from another device with the key of the dial ends nothing': [{ d: 'bbbbbbbbbbb1', f: KEYS.K1 }, undefined],
};

for (const [name, [members, code]] of Object.entries(CLOSES)) {
  test(`a close ${name}`, async () => {
    const [alice, bob] = [await Person.born(), await Person.born()];
    const device = new Device(bob);
    const missed = [];
    device.calls.on('missed', ({ sender }) => missed.push(sender));

    await device.hears(await alice.push('dial', bob, Date.now() - 1, { d: KEYS.K1, e: 'aaaaaaaaaaa1' }));
    await device.hears(await alice.push('close', bob, Date.now(), members));

    assert.equal(device.ended.K1, code);
    assert.deepEqual(missed, code ? [alice.address] : []);
    assert.equal(await countMissed(bob.store, Date.now()), missed.length);
    device.calls.stop();
  });
}

test('a dial that another device has dealt with is told of once', async () => {
  const [alice, bob] = [await Person.born(), await Person.born()];
  const dial = await receive(bob.store, await alice.push('dial', bob, Date.now() - 1, { d: KEYS.K1 }), 2);
  await settleAnsweredElsewhere(bob.store, await receive(bob.store, await bob.push('close', bob, Date.now(), { f: KEYS.K1 })));

  const told = [await takeAnsweredElsewhere(bob.store), await takeAnsweredElsewhere(bob.store)];

  assert.deepEqual(told.map((dials) => dials.map(({ signature }) => signature)), [[dial.signature], []]);
});

test('a person who hears of several devices has several', async () => {
  const [alice, bob] = [await Person.born(), await Person.born()];

  const call = await receive(bob.store, await alice.dial(bob, Date.now()), 2);

  assert.deepEqual([call.devices, (await bob.store.get('state', 'device')).several], [2, true]);
});

for (const devices of [undefined, 1, 0, -2, 1.5, '2', null]) {
  test(`a number of devices that says nothing is left out: ${JSON.stringify(devices)}`, async () => {
    const [alice, bob] = [await Person.born(), await Person.born()];

    const call = await receive(bob.store, await alice.dial(bob, Date.now()), devices);

    assert.equal('devices' in call, false);
  });
}
