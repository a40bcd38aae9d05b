/**
 * Outgoing calls of one connection: to an address, and to the one device of it that has replied.
 * @module
 */

/** @typedef {import('../protocol/messages.js').Call} Call */
/** @typedef {import('../protocol/messages.js').Method} Method */
/** @typedef {import('../protocol/messages.js').Members} Members */

/** Who is called, our key, and what the dial says beside it.
 * @typedef {{them: string, ours: Promise<import('../protocol/sealing.js').EncryptionKey>, device?: string, wants?: number}} Target
 */

/** Sender of one connection's calls. */
export class SignalSender {
  #server;
  #target;
  /** Pushes that the connection took so far, both ways. */
  pushes = 0;
  /** Their device, once it is known, if they have several. @type {string | undefined} */
  device;

  /**
   * @param {import('../api-client.js').ApiClient} server
   * @param {Target} target
   */
  constructor(server, target) {
    this.#server = server;
    this.#target = target;
    this.device = target.device;
  }

  /** @param {Call} call of theirs that was opened: from now on, we talk with its device */
  follow({ fromDevice, devices = 1 }) {
    this.pushes += devices;
    this.device = fromDevice ?? this.device;
  }

  /** Ring. */
  dial() {
    return this.#send('dial', { wants: this.#target.wants });
  }

  /**
   * @param {'offer' | 'answer' | 'ice'} method
   * @param {string} payload sealed
   */
  send(method, payload) {
    return this.#send(method, { payload });
  }

  /** Hang up, or ring no more: everywhere, as long as nobody has replied. */
  async close() {
    await this.#server.relay('close', this.#target.them, { toDevice: this.device });
  }

  /**
   * Tell a device that another one of the same person was faster.
   * @param {Call} offer of the slower one
   */
  async refuse({ fromDevice: toDevice }) {
    await this.#server.relay('close', this.#target.them, { toDevice, dialKey: (await this.#target.ours).publicKey });
  }

  /**
   * @param {Method} method
   * @param {Members} members
   */
  async #send(method, members) {
    const { publicKey: encryptionKey } = await this.#target.ours;
    await this.#server.relay(method, this.#target.them, { encryptionKey, ...members, toDevice: this.device });
    this.pushes += 1;
  }
}

/**
 * Tell whether a call may be of the device that somebody is connected with: who has one device names none.
 * @param {{device: string | undefined} | undefined} connected
 * @param {string | undefined} device
 */
export function isSameDevice(connected, device) {
  return connected !== undefined && (!device || !connected.device || connected.device === device);
}
