/** Delivery tracker: each value once and in order, however often the connection is made anew. */

import assert from 'node:assert/strict';
import test from 'node:test';

import { DeliveryTracker } from '../../../../client/rtc/delivery-tracker.js';

const MAX_UNDER_WAY = 256;

/** One side: its books, what its person sent, and what came. */
class Side {
  tracker;
  /** What has left, as a person is told. */ handed = [];
  /** What failed, as a person is told. */ failed = [];
  /** What has come. */ heard = [];

  constructor(session) {
    this.tracker = new DeliveryTracker(session);
  }

  say(...values) {
    for (const value of values) {
      this.tracker.add(value, () => this.handed.push(value), () => this.failed.push(value));
    }
    return this;
  }

  /** Take what can be sent, and give each to *other*, who is there or not. */
  send(other) {
    for (let item = this.tracker.take(); item; item = this.tracker.take()) {
      item.onSent();
      other?.hear(item.value);
    }
    return this;
  }

  hear(value) {
    this.tracker.countReceived();
    this.heard.push(value);
  }
}

/** Let the two say hello. */
function greet(one, other) {
  const [hello, answer] = [one.tracker.hello(), other.tracker.hello()];
  other.tracker.onHello(hello);
  one.tracker.onHello(answer);
}

/** Make a new connection between the two. */
function reconnect(one, other) {
  one.tracker.begin();
  other.tracker.begin();
  greet(one, other);
}

/** Let *one* hear what *other* has received. */
const confirm = (one, other) => one.tracker.confirm(other.tracker.received);

/** Return two who are connected. */
function connected() {
  const pair = [new Side('one'), new Side('other')];
  greet(...pair);
  return pair;
}

test('values are numbered from 1', () => {
  const { tracker } = new Side('one');

  const numbers = ['a', 'b'].map((value) => tracker.add(value, () => {}, () => {}));

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

  assert.equal(one.tracker.delivered, 2);
});

test('a receipt says how many have arrived', () => {
  const [one, other] = connected();
  one.say('a', 'b', 'c').send(other);

  one.tracker.confirm(2);

  assert.equal(one.tracker.delivered, 2);
});

test('nothing is delivered that was not sent', () => {
  const [one] = connected();
  one.say('a').send();

  one.tracker.confirm(99);

  assert.equal(one.tracker.delivered, 1);
});

for (const late of [0, 1, -1, NaN]) {
  test(`a receipt for ${late} takes nothing back`, () => {
    const [one] = connected();
    one.say('a', 'b').send();
    one.tracker.confirm(2);

    one.tracker.confirm(late);

    assert.equal(one.tracker.delivered, 2);
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
  assert.equal(one.tracker.delivered, 2);
});

test('a connection that was lost before its hello loses no count', () => {
  const [one, other] = connected();
  one.say('a', 'b').send(other);
  [one, other].forEach(({ tracker }) => tracker.begin()); // and nothing came over it

  reconnect(one, other);
  one.send(other);

  assert.deepEqual(other.heard, ['a', 'b']);
});

test('what came before a hello that never came is counted', () => {
  const [one, other] = connected();
  [one, other].forEach(({ tracker }) => tracker.begin());
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
  one.tracker.begin();
  greet(one, reloaded);

  one.say('c').send(reloaded);
  confirm(one, reloaded);

  assert.deepEqual([reloaded.heard, one.tracker.delivered], [['c'], 3]);
});

test('what had not arrived goes to the page that they have reloaded', () => {
  const [one] = connected();
  one.say('a', 'b').send();
  one.tracker.confirm(1);
  const reloaded = new Side('reloaded');
  one.tracker.begin();
  greet(one, reloaded);

  one.send(reloaded);
  confirm(one, reloaded);

  assert.deepEqual([reloaded.heard, one.tracker.delivered], [['b'], 2]);
});

test('after our reload they count from the start', () => {
  const [, other] = connected();
  other.hear('of the page before');
  const reloaded = new Side('reloaded');
  other.tracker.begin();
  greet(reloaded, other);

  reloaded.say('a').send(other);
  confirm(reloaded, other);

  assert.deepEqual([other.tracker.received, reloaded.tracker.delivered], [1, 1]);
});

test('our count means nothing to them before their hello', () => {
  const { tracker } = new Side('one');

  const before = tracker.isAgreed;
  tracker.onHello(new Side('other').tracker.hello());

  assert.deepEqual([before, tracker.isAgreed], [false, true]);
});

test('who sends no receipts is sent nothing twice', () => {
  const one = new Side('one');
  one.say('a', 'b').send();
  one.say('c'); // waits, as the connection is lost
  one.tracker.begin();

  one.tracker.presume();
  const program = new Side('without a hello');
  one.send(program);

  assert.deepEqual(program.heard, ['c']);
});

test('what was on its way to a program without receipts goes again', () => {
  const one = new Side('one');
  one.say('a');
  one.tracker.take(); // and the connection is lost in the middle
  one.tracker.begin();

  one.tracker.presume();

  assert.equal(one.tracker.take().value, 'a');
});

test('numbers are right when a program without receipts gives way to one with them', () => {
  const one = new Side('one');
  one.say('a', 'b').send();
  one.tracker.begin();
  one.tracker.presume();
  one.tracker.begin();
  const other = new Side('other');
  greet(one, other);

  one.say('c').send(other);
  confirm(one, other);

  assert.equal(one.tracker.delivered, 3);
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
  one.tracker.begin();
  greet(one, other);

  one.send(other);

  assert.deepEqual([other.heard.length, other.heard[0]], [MAX_UNDER_WAY, 44]);
});

test('a receipt sends nothing again', () => {
  const [one, other] = connected();
  one.say('a', 'b', 'c').send(other);

  one.tracker.confirm(1);
  one.say('d').send(other);

  assert.deepEqual(other.heard, ['a', 'b', 'c', 'd']);
});

test('a receipt for what was still on its way says that it has left', () => {
  const [one] = connected();
  one.say('a');
  one.tracker.take();

  one.tracker.confirm(1);

  assert.deepEqual(one.handed, ['a']);
});

test('at the end, whoever waits is told', () => {
  const [one] = connected();
  one.say('left').send();
  one.say('on its way', 'waits');
  one.tracker.take();

  one.tracker.end(new Error('over'));

  assert.deepEqual(one.failed.slice(-2), ['on its way', 'waits']);
});

test('after the end nothing is taken', () => {
  const [one] = connected();
  one.say('a', 'b').send();

  one.tracker.end(new Error('over'));

  assert.equal(one.tracker.take(), undefined);
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
        [one, other].forEach(({ tracker }) => tracker.begin());
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
    assert.equal(one.tracker.delivered, said.length);
  });
}
