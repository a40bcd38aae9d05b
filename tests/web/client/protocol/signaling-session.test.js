/** Order of calls in a signaling session: two sides, and no network. */

import assert from 'node:assert/strict';
import test from 'node:test';

import { isLower } from '../../../../client/protocol/addresses.js';
import { newEncryptionKey } from '../../../../client/protocol/sealing.js';
import { SignalingSession, readCandidates, readDescription } from '../../../../client/protocol/signaling-session.js';
import { droppedAs, vectors } from '../../vectors.js';

const { keys } = vectors('wire.json');
const [LOW, HIGH] = [keys.alice.public, keys.bob.public].sort((one, other) => (isLower(one, other) ? -1 : 1));
const BEGAN = 1_760_000_000_000;
const OFFER = { type: 'offer', sdp: 'v=0\r\n' };
const ANSWER = { type: 'answer', sdp: 'v=0\r\n' };
const CANDIDATE = { candidate: 'candidate:1 1 UDP 1 192.0.2.1 1 typ host', sdpMid: null, sdpMLineIndex: 0 };

/** One side of a connection, and what it says. */
class Side {
  static async of(me, them, since = BEGAN) {
    const side = new Side();
    side.ours = await newEncryptionKey();
    side.me = me;
    side.session = new SignalingSession(me, them, side.ours, since);
    return side;
  }

  dial(sentAt = BEGAN + 1) {
    return { method: 'dial', sender: this.me, sentAt, encryptionKey: this.ours.publicKey, payload: '' };
  }

  async say(method, value, sentAt = BEGAN + 2) {
    return { ...this.dial(sentAt), method, payload: await this.session.seal(method, value) };
  }
}

/** Return one who has dialled, and one who has heard it. */
async function callerAndCalled(me = LOW, them = HIGH) {
  const [caller, called] = [await Side.of(me, them), await Side.of(them, me)];
  caller.session.awaited = 'offer';
  await called.session.onDial(caller.dial());
  return { caller, called };
}

/** Return the two after their offer has come. */
async function offered() {
  const { caller, called } = await callerAndCalled();
  await caller.session.onDescription(await called.say('offer', OFFER));
  called.session.awaited = 'answer';
  return { caller, called };
}

test('an offer is opened by the caller', async () => {
  const { caller, called } = await callerAndCalled();

  assert.deepEqual(await caller.session.onDescription(await called.say('offer', OFFER)), OFFER);
});

test('an answer is opened by the called', async () => {
  const { caller, called } = await offered();

  assert.deepEqual(await called.session.onDescription(await caller.say('answer', ANSWER)), ANSWER);
});

test('an offer that nobody asked for is dropped', async () => {
  const { called } = await callerAndCalled();
  const somebody = await Side.of(LOW, HIGH);

  await assert.rejects(somebody.session.onDescription(await called.say('offer', OFFER)), droppedAs('unexpected'));
});

test('another offer over the same keys is a restart', async () => {
  const { caller, called } = await offered();

  assert.deepEqual(await caller.session.onDescription(await called.say('offer', OFFER)), OFFER);
});

test('the caller may restart as well', async () => {
  const { caller, called } = await offered();

  assert.deepEqual(await called.session.onDescription(await caller.say('offer', OFFER)), OFFER);
});

test('a restart is not the answer that is awaited', async () => {
  const { caller, called } = await offered();

  await called.session.onDescription(await caller.say('offer', OFFER));

  assert.equal(called.session.awaited, 'answer');
});

test('an answer to no offer is dropped', async () => {
  const { caller, called } = await offered();
  await called.session.onDescription(await caller.say('answer', ANSWER));

  await assert.rejects(called.session.onDescription(await caller.say('answer', ANSWER)), droppedAs('unexpected'));
});

test('an answer instead of an offer is dropped', async () => {
  const { caller, called } = await callerAndCalled();

  await assert.rejects(caller.session.onDescription(await called.say('answer', ANSWER)), droppedAs('unexpected'));
});

test('an answer with another key is dropped', async () => {
  const { caller, called } = await callerAndCalled();
  called.session.awaited = 'answer';
  const other = await Side.of(LOW, HIGH);
  await other.session.onDial({ ...called.dial(), encryptionKey: called.ours.publicKey });

  await assert.rejects(called.session.onDescription(await other.say('answer', ANSWER)), droppedAs('unexpected'));
  assert.notEqual(caller.ours.publicKey, other.ours.publicKey);
});

test('an offer sealed for another connection is dropped', async () => {
  const { called } = await callerAndCalled();
  const other = await Side.of(LOW, HIGH);
  other.session.awaited = 'offer';

  await assert.rejects(other.session.onDescription(await called.say('offer', OFFER)), droppedAs('broken_seal'));
});

test('a good offer is taken after a bad one', async () => {
  const { caller, called } = await callerAndCalled();
  await assert.rejects(caller.session.onDescription(await called.say('offer', null)), droppedAs('broken_seal'));

  assert.deepEqual(await caller.session.onDescription(await called.say('offer', OFFER)), OFFER);
});

test('a good offer is taken after one that was sealed with another key', async () => {
  const { caller, called } = await callerAndCalled();
  const other = await Side.of(HIGH, LOW);
  await other.session.onDial((await Side.of(LOW, HIGH)).dial());
  await assert.rejects(caller.session.onDescription(await other.say('offer', OFFER)), droppedAs('broken_seal'));

  assert.deepEqual(await caller.session.onDescription(await called.say('offer', OFFER)), OFFER);
});

test('nothing can be sealed before they have been heard', async () => {
  const { session } = await Side.of(LOW, HIGH);

  assert.throws(() => session.keys, /not agreed/);
  assert.equal(session.isAgreed, false);
});

test('when both dial, the lower address does not give way', async () => {
  const lower = await Side.of(LOW, HIGH);
  lower.session.awaited = 'offer';

  await assert.rejects(lower.session.onDial((await Side.of(HIGH, LOW)).dial()), droppedAs('glare'));
  assert.equal(lower.session.awaited, 'offer');
});

test('when both dial, the higher address gives way and can offer', async () => {
  const [higher, lower] = [await Side.of(HIGH, LOW), await Side.of(LOW, HIGH)];
  [higher, lower].forEach(({ session }) => (session.awaited = 'offer'));

  await higher.session.onDial(lower.dial());

  assert.equal(higher.session.awaited, undefined);
  assert.deepEqual(await lower.session.onDescription(await higher.say('offer', OFFER)), OFFER);
});

test('a second dial changes nothing', async () => {
  const { called } = await callerAndCalled();

  await assert.rejects(called.session.onDial((await Side.of(LOW, HIGH)).dial()), droppedAs('unexpected'));
});

test('a dial with a key of low order is dropped', async () => {
  const { session } = await Side.of(HIGH, LOW);
  const dial = { ...(await Side.of(LOW, HIGH)).dial(), encryptionKey: Buffer.alloc(32).toString('base64') };

  await assert.rejects(session.onDial(dial), droppedAs('broken_seal'));
});

test('candidates are opened', async () => {
  const { caller, called } = await offered();

  assert.deepEqual(await caller.session.onCandidates(await called.say('ice', [CANDIDATE])), [CANDIDATE]);
});

test('candidates before the offer are kept, and told once', async () => {
  const { caller, called } = await callerAndCalled();

  const atOnce = await caller.session.onCandidates(await called.say('ice', [CANDIDATE]));
  await caller.session.onDescription(await called.say('offer', OFFER));

  assert.deepEqual([atOnce, await caller.session.takeEarlyCandidates(), await caller.session.takeEarlyCandidates()], [[], [CANDIDATE], []]);
});

test('a bad early candidate does not spoil the good ones', async () => {
  const { caller, called } = await callerAndCalled();
  for (const value of ['nonsense', [CANDIDATE]]) await caller.session.onCandidates(await called.say('ice', value));

  await caller.session.onDescription(await called.say('offer', OFFER));

  assert.deepEqual(await caller.session.takeEarlyCandidates(), [CANDIDATE]);
});

test('only so many candidates wait for an offer', async () => {
  const { caller, called } = await callerAndCalled();
  const call = await called.say('ice', [CANDIDATE]);
  for (let kept = 0; kept < 16; kept += 1) await caller.session.onCandidates(call);

  await assert.rejects(caller.session.onCandidates(call), droppedAs('busy'));
});

test('candidates with another key are dropped', async () => {
  const { caller } = await offered();
  const other = await Side.of(HIGH, LOW);
  await other.session.onDial(caller.dial());

  await assert.rejects(caller.session.onCandidates(await other.say('ice', [CANDIDATE])), droppedAs('unexpected'));
});

test('a later dial with another key starts anew', async () => {
  const { called } = await callerAndCalled();

  assert.equal(called.session.isReplacedBy((await Side.of(LOW, HIGH)).dial(BEGAN + 9)), true);
});

test('the same dial again does not start anew', async () => {
  const { caller, called } = await callerAndCalled();

  assert.equal(called.session.isReplacedBy(caller.dial(BEGAN + 9)), false);
});

test('an older dial does not start anew', async () => {
  const { called } = await callerAndCalled();

  assert.equal(called.session.isReplacedBy((await Side.of(LOW, HIGH)).dial(BEGAN + 1)), false);
});

test('a dial that crosses ours does not start anew', async () => {
  const { caller } = await callerAndCalled();

  assert.equal(caller.session.isReplacedBy((await Side.of(HIGH, LOW)).dial(BEGAN + 9)), false);
});

test('a close ends what was said before it', async () => {
  const { called } = await callerAndCalled();

  const ended = [BEGAN, BEGAN + 1, BEGAN + 2].map((sentAt) => called.session.isEndedBy({ sentAt }));

  assert.deepEqual(ended, [false, true, true]);
});

const NO_DESCRIPTIONS = [null, [], 'v=0', { type: 'answer', sdp: '' }, { type: 'offer' }, { type: 'offer', sdp: 1 }, { sdp: '' }];

for (const value of NO_DESCRIPTIONS) {
  test(`${JSON.stringify(value)} is no offer`, () => {
    assert.throws(() => readDescription('offer', value), droppedAs('broken_seal'));
  });
}

for (const type of ['rollback', 'pranswer', undefined]) {
  test(`a peer tells no ${type}`, () => {
    assert.throws(() => readDescription(type, { type, sdp: 'v=0\r\n' }), droppedAs('broken_seal'));
  });
}

test('of a description is kept what it is, and nothing else', () => {
  assert.deepEqual(readDescription('offer', { ...OFFER, more: 1 }), OFFER);
});

for (const value of [null, {}, 'candidate:', [null], ['candidate:'], [{ candidate: 1 }], Array(65).fill(CANDIDATE)]) {
  test(`${JSON.stringify(value)?.slice(0, 40)} are no candidates`, () => {
    assert.throws(() => readCandidates(value), droppedAs('broken_seal'));
  });
}

test('of a candidate is kept where it belongs, and nothing else', () => {
  const { candidate } = CANDIDATE;

  assert.deepEqual(readCandidates([{ candidate, more: 1 }]), [{ candidate, sdpMid: null, sdpMLineIndex: null }]);
});
