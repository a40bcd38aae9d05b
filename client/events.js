/**
 * What a client tells an app.
 * @module
 */

/** @typedef {import('./peer.js').Peer} Peer */
/** @typedef {import('./ringing.js').Ringing} Ringing */
/** @typedef {import('./ringing.js').AcceptOptions} AcceptOptions */
/** @typedef {import('./rtc/file-transfer.js').Transfer} Transfer */

/** Somebody rings. */
export class DialEvent extends Event {
  #ringing;

  /**
   * @param {Ringing} ringing
   * @param {boolean} [answered]
   */
  constructor(ringing, answered = false) {
    super('dial');
    this.#ringing = ringing;
    /** Who rings. */
    this.address = ringing.dial.sender;
    /** Aborted when it rings no more; its reason is a `WhisperError`: hung_up, missed, taken, answered or declined. */
    this.signal = ringing.signal;
    /** Whether the person has said yes already, by clicking on the notification. */
    this.answered = answered;
  }

  /**
   * Answer.
   * @param {AcceptOptions} [options] a stream to share at once
   * @returns {Promise<Peer>} connected
   * @throws {WhisperError}
   */
  async accept(options) {
    this.signal.throwIfAborted();
    return this.#ringing.accept(options);
  }

  /** Tell the caller that nobody will answer. */
  async decline() {
    if (!this.signal.aborted) await this.#ringing.decline();
  }
}

/** Somebody rang, and nobody answered: they can be dialled back. */
export class MissedEvent extends Event {
  /**
   * @param {string} address
   * @param {boolean} [answered] whether the person has clicked on the notification: they want to be connected
   */
  constructor(address, answered = false) {
    super('missed');
    this.address = address;
    this.answered = answered;
  }
}

/** A connection has opened, whoever dialled. */
export class PeerEvent extends Event {
  /** @param {Peer} peer */
  constructor(peer) {
    super('peer');
    this.peer = peer;
  }
}

/** The other offers a file. */
export class FileEvent extends Event {
  /** @param {Transfer} transfer */
  constructor(transfer) {
    super('file');
    this.transfer = transfer;
  }
}

/** A push, or something sealed, that was not believed or not awaited. */
export class DropEvent extends Event {
  /** @param {import('./protocol/errors.js').DropReason} reason */
  constructor(reason) {
    super('drop');
    this.reason = reason;
  }
}

/** Something in the background has failed. */
export class TroubleEvent extends Event {
  /** @param {import('./protocol/errors.js').WhisperError} error */
  constructor(error) {
    super('trouble');
    this.error = error;
  }
}
