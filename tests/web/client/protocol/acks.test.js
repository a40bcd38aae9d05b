/** Each value arrives once and in order, however often the connection is made anew. */

import assert from 'node:assert/strict';
import test from 'node:test';

import { AckTracker } from '../../../../client/protocol/acks.js';

const MAX_UNDER_WAY = 256;

/** One side: its books, what its person sent, and what came. */
class Side {
  acks;
  /** What has left, as a person is told. */ handed = [];
  /** What failed, as a person is told. */ failed = [];
  /** What has come. */ heard = [];

  constructor(session) {
    this.acks = new AckTracker(session);
  }

  say(...values) {
    for (const value of values) {
      this.acks.add(value, () => this.handed.push(value), () => this.failed.push(value));
    }
    return this;
  }

  /** Take what can be sent, and give each to *other*, who is there or not. */
  send(other) {
    for (let item = this.acks.take(); item; item = this.acks.take()) {
      item.onSent();
      other?.hear(item.value);
    }
    return this;
  }

  hear(value) {
    this.acks.countReceived();
    this.heard.push(value);
  }
}

/** Let the two say hello. */
function greet(one, other) {
  const [hello, answer] = [one.acks.hello(), other.acks.hello()];
  other.acks.onHello(hello);
  one.acks.onHello(answer);
}

/** Make a new connection between the two. */
function reconnect(one, other) {
  one.acks.begin();
  other.acks.begin();
  greet(one, other);
}

/** Let *one* hear what *other* has received. */
const confirm = (one, other) => one.acks.confirm(other.acks.received);

/** Return two who are connected. */
function connected() {
  const pair = [new Side('one'), new Side('other')];
  greet(...pair);
  return pair;
}

test('values are numbered from 1', () => {
  const { acks } = new Side('one');

  const numbers = ['a', 'b'].map((value) => acks.add(value, () => {}, () => {}));

  assert.deepEqual(numbers, [1, 2]);
});

test('values are taken in order', () => {
  const [one, other] = connected();

  one.say('a', 'b', 'c').send(other);

  assert.deepEqual(other.heard, ['a', 'b', 'c']);
});

test('what was sent before the hello counts', () => {
  const [one, other] = [new Side('one'), new Side('other')];
  one.say('a', 'b').send(other);

  greet(one, other);
  confirm(one, other);

  assert.equal(one.acks.delivered, 2);
});

test('a receipt says how many have arrived', () => {
  const [one, other] = connected();
  one.say('a', 'b', 'c').send(other);

  one.acks.confirm(2);

  assert.equal(one.acks.delivered, 2);
});

test('nothing is delivered that was not sent', () => {
  const [one] = connected();
  one.say('a').send();

  one.acks.confirm(99);

  assert.equal(one.acks.delivered, 1);
});

for (const late of [0, 1, -1, NaN]) {
  test(`a receipt for ${late} takes nothing back`, () => {
    const [one] = connected();
    one.say('a', 'b').send();
    one.acks.confirm(2);

    one.acks.confirm(late);

    assert.equal(one.acks.delivered, 2);
  });
}

test('what was lost goes again over the next connection, and only that', () => {
  const [one, other] = connected();
  one.say('a').send(other);
  one.say('b', 'c').send(); // the network is gone, and nobody has noticed

  reconnect(one, other);
  one.send(other);

  assert.deepEqual(other.heard, ['a', 'b', 'c']);
});

test('what arrived without a receipt does not go again', () => {
  const [one, other] = connected();
  one.say('a', 'b').send(other);

  reconnect(one, other);
  one.send(other);

  assert.deepEqual(other.heard, ['a', 'b']);
  assert.equal(one.acks.delivered, 2);
});

test('a connection that was lost before its hello loses no count', () => {
  const [one, other] = connected();
  one.say('a', 'b').send(other);
  [one, other].forEach(({ acks }) => acks.begin()); // and nothing came over it

  reconnect(one, other);
  one.send(other);

  assert.deepEqual(other.heard, ['a', 'b']);
});

test('what came before a hello that never came is counted', () => {
  const [one, other] = connected();
  [one, other].forEach(({ acks }) => acks.begin());
  one.say('a').send(other);

  reconnect(one, other);
  one.send(other);

  assert.deepEqual(other.heard, ['a']);
});

test('numbers go on after they have reloaded', () => {
  const [one, other] = connected();
  one.say('a', 'b').send(other);
  confirm(one, other);
  const reloaded = new Side('reloaded');
  one.acks.begin();
  greet(one, reloaded);

  one.say('c').send(reloaded);
  confirm(one, reloaded);

  assert.deepEqual([reloaded.heard, one.acks.delivered], [['c'], 3]);
});

test('what had not arrived goes to the page that they have reloaded', () => {
  const [one] = connected();
  one.say('a', 'b').send();
  one.acks.confirm(1);
  const reloaded = new Side('reloaded');
  one.acks.begin();
  greet(one, reloaded);

  one.send(reloaded);
  confirm(one, reloaded);

  assert.deepEqual([reloaded.heard, one.acks.delivered], [['b'], 2]);
});

test('after our reload they count from the start', () => {
  const [, other] = connected();
  other.hear('of the page before');
  const reloaded = new Side('reloaded');
  other.acks.begin();
  greet(reloaded, other);

  reloaded.say('a').send(other);
  confirm(reloaded, other);

  assert.deepEqual([other.acks.received, reloaded.acks.delivered], [1, 1]);
});

test('our count means nothing to them before their hello', () => {
  const { acks } = new Side('one');

  const before = acks.isAgreed;
  acks.onHello(new Side('other').acks.hello());

  assert.deepEqual([before, acks.isAgreed], [false, true]);
});

test('who sends no receipts is sent nothing twice', () => {
  const one = new Side('one');
  one.say('a', 'b').send();
  one.say('c'); // waits, as the connection is lost
  one.acks.begin();

  one.acks.presume();
  const program = new Side('without a hello');
  one.send(program);

  assert.deepEqual(program.heard, ['c']);
});

test('what was on its way to a program without receipts goes again', () => {
  const one = new Side('one');
  one.say('a');
  one.acks.take(); // and the connection is lost in the middle
  one.acks.begin();

  one.acks.presume();

  assert.equal(one.acks.take().value, 'a');
});

test('numbers are right when a program without receipts gives way to one with them', () => {
  const one = new Side('one');
  one.say('a', 'b').send();
  one.acks.begin();
  one.acks.presume();
  one.acks.begin();
  const other = new Side('other');
  greet(one, other);

  one.say('c').send(other);
  confirm(one, other);

  assert.equal(one.acks.delivered, 3);
});

test('only so many are under way without a receipt', () => {
  const [one, other] = connected();
  const values = Array.from({ length: MAX_UNDER_WAY + 2 }, (_, number) => number);
  one.say(...values).send(other);
  const before = other.heard.length;

  confirm(one, other);
  one.send(other);

  assert.deepEqual([before, other.heard], [MAX_UNDER_WAY, values]);
});

test('a program without receipts is not waited for', () => {
  const [one, program] = [new Side('one'), new Side('without a hello')];
  const values = Array.from({ length: 3 * MAX_UNDER_WAY }, (_, number) => number);

  one.say(...values).send(program);

  assert.deepEqual(program.heard, values);
});

test('of what nobody confirms, the latest are kept', () => {
  const one = new Side('one');
  one.say(...Array.from({ length: MAX_UNDER_WAY + 44 }, (_, number) => number)).send();
  const other = new Side('other');
  one.acks.begin();
  greet(one, other);

  one.send(other);

  assert.deepEqual([other.heard.length, other.heard[0]], [MAX_UNDER_WAY, 44]);
});

test('a receipt sends nothing again', () => {
  const [one, other] = connected();
  one.say('a', 'b', 'c').send(other);

  one.acks.confirm(1);
  one.say('d').send(other);

  assert.deepEqual(other.heard, ['a', 'b', 'c', 'd']);
});

test('a receipt for what was still on its way says that it has left', () => {
  const [one] = connected();
  one.say('a');
  one.acks.take();

  one.acks.confirm(1);

  assert.deepEqual(one.handed, ['a']);
});

test('at the end, whoever waits is told', () => {
  const [one] = connected();
  one.say('left').send();
  one.say('on its way', 'waits');
  one.acks.take();

  one.acks.end(new Error('over'));

  assert.deepEqual(one.failed.slice(-2), ['on its way', 'waits']);
});

test('after the end nothing is taken', () => {
  const [one] = connected();
  one.say('a', 'b').send();

  one.acks.end(new Error('over'));

  assert.equal(one.acks.take(), undefined);
});

/** Return chance that can be repeated: a linear congruential generator (Numerical Recipes, section 7.1). */
function chance(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

for (const seed of Array.from({ length: 50 }, (_, number) => number + 1)) {
  test(`through any troubles, each value arrives once and in order: ${seed}`, () => {
    const below = chance(seed);
    const [one, other] = connected();
    let greeted = true;
    const said = [];
    /** What may happen; before a hello, nothing is sent and nothing is confirmed. */
    const happenings = [
      () => one.say(said.push(said.length)),
      () => greeted && one.send(other),
      () => greeted && confirm(one, other),
      () => {
        if (greeted) one.send(); // into a network that is gone: what comes next comes over another connection
        [one, other].forEach(({ acks }) => acks.begin());
        greeted = false;
      },
      () => {
        if (!greeted) greet(one, other);
        greeted = true;
      },
    ];

    for (let step = 0; step < 300; step += 1) happenings[below(happenings.length)]();
    reconnect(one, other);
    one.send(other);
    confirm(one, other);

    assert.deepEqual(other.heard, said.map((_, at) => at + 1));
    assert.equal(one.acks.delivered, said.length);
  });
}
