/** People with real keys, and the calls that they sign. */

import { Identity } from '../../client/identity.js';
import { canonical } from '../../client/protocol/messages.js';
import { newEncryptionKey } from '../../client/protocol/sealing.js';
import { Memory } from './memory-store.js';

/** Somebody with an identity and what their browser keeps. */
export class Person {
  constructor(identity, store, encryptionKey) {
    this.identity = identity;
    this.store = store;
    this.encryptionKey = encryptionKey;
  }

  static async born() {
    const store = new Memory();
    const { identity } = await Identity.create({ store });
    return new Person(identity, store, await newEncryptionKey());
  }

  get address() {
    return this.identity.address;
  }

  /** Return a push as the server makes it, of a call with these *members* after sender, time and recipient. */
  async push(method, to, at, members = {}) {
    const text = canonical({ a: this.address, b: at, c: to.address, ...members });
    return { a: method, b: text, c: await this.identity.sign(text) };
  }

  /** Return the push of a dial. */
  dial(to, at) {
    return this.push('dial', to, at, { d: this.encryptionKey.publicKey });
  }
}
