/**
 * Public events of a client.
 * @module
 */

import { AUDIO, VIDEO } from './protocol/messages.js';

/** @typedef {import('./peer.js').Peer} Peer */
/** @typedef {import('./protocol/messages.js').Call} Call */
/** @typedef {import('./incoming-calls.js').IncomingCall} IncomingCall */
/** @typedef {import('./incoming-calls.js').AcceptOptions} AcceptOptions */
/** @typedef {import('./rtc/file-transfer.js').Transfer} Transfer */

/**
 * Events of a `Whisper`, by the type that `addEventListener` takes.
 * @typedef {object} WhisperEventMap
 * @property {DialEvent} dial
 * @property {MissedEvent} missed
 * @property {AnsweredElsewhereEvent} answeredelsewhere
 * @property {PeerEvent} peer
 * @property {NotificationClickEvent} notificationclick
 * @property {DropEvent} drop
 * @property {TroubleEvent} trouble
 * @property {Event} elsewhere
 */
/**
 * Events of a `Peer`, by the type that `addEventListener` takes.
 * @typedef {object} PeerEventMap
 * @property {MessageEvent} message
 * @property {Event} delivered
 * @property {FileEvent} file
 * @property {Event} media
 * @property {Event} statechange
 * @property {Event} close
 */
/**
 * An `EventTarget` that knows the events of each type.
 * @template Events
 * @typedef {{
 *   addEventListener<K extends keyof Events>(type: K, listener: (event: Events[K]) => unknown, options?: boolean | AddEventListenerOptions): void,
 *   removeEventListener<K extends keyof Events>(type: K, listener: (event: Events[K]) => unknown, options?: boolean | EventListenerOptions): void,
 * } & EventTarget} TypedEventTarget
 */

export const WhisperTarget = /** @type {new () => TypedEventTarget<WhisperEventMap>} */ (EventTarget);
export const PeerTarget = /** @type {new () => TypedEventTarget<PeerEventMap>} */ (EventTarget);

/** Event of an incoming call, which rings until it is answered. */
export class DialEvent extends Event {
  #ring;

  /**
   * @param {IncomingCall} ring
   * @param {boolean} [answered]
   */
  constructor(ring, answered = false) {
    super('dial');
    this.#ring = ring;
    /** Who rings. */
    this.address = ring.dial.sender;
    /** Aborted when it rings no more; its reason is a `WhisperError`: hung_up, missed, taken, answered, answered_elsewhere or declined. */
    this.signal = ring.signal;
    const { wants = 0 } = ring.dial;
    /** What the caller asks for, with `call`; they share it as soon as there is a connection. */
    this.wants = Object.freeze({ audio: (wants & AUDIO) !== 0, video: (wants & VIDEO) !== 0 });
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
    return this.#ring.accept(options);
  }

  /** Tell the caller that nobody will answer. */
  async decline() {
    if (!this.signal.aborted) await this.#ring.decline();
  }
}

/** Event of a missed call: its caller can be dialled back. */
export class MissedEvent extends Event {
  /**
   * @param {string} address
   * @param {boolean} [answered] whether the person has clicked on the notification: they want to be connected
   * @param {number | null} [at] when they rang, ms; null for a click
   */
  constructor(address, answered = false, at = null) {
    super('missed');
    this.address = address;
    this.answered = answered;
    this.at = at;
  }
}

/** Event of a call that another device of the person has answered or declined, perhaps while no page was open here. */
export class AnsweredElsewhereEvent extends Event {
  /**
   * @param {string} address
   * @param {number} at when they rang, ms
   */
  constructor(address, at) {
    super('answeredelsewhere');
    this.address = address;
    this.at = at;
  }
}

/** Event of a connection that has opened, whoever dialled. */
export class PeerEvent extends Event {
  /** @param {Peer} peer */
  constructor(peer) {
    super('peer');
    this.peer = peer;
  }
}

/** Event of a file that the other offers. */
export class FileEvent extends Event {
  /** @param {Transfer} transfer */
  constructor(transfer) {
    super('file');
    this.transfer = transfer;
  }
}

/** Event of a push, or of sealed data, that was dropped: not verified, or not awaited. */
export class DropEvent extends Event {
  /** @param {import('./protocol/errors.js').DropReason} reason */
  constructor(reason) {
    super('drop');
    this.reason = reason;
  }
}

/** Event of a failure in the background. */
export class TroubleEvent extends Event {
  /** @param {import('./protocol/errors.js').WhisperError} error */
  constructor(error) {
    super('trouble');
    this.error = error;
  }
}

/** Event of a click on a notification. `dial` or `missed`, with `answered`, follows an answer. */
export class NotificationClickEvent extends Event {
  /**
   * @param {string} address whose call it tells of
   * @param {'answer' | 'decline'} action
   */
  constructor(address, action) {
    super('notificationclick');
    this.address = address;
    this.action = action;
  }
}

/**
 * Tell an app what the parts of its client tell each other.
 * @param {{connectionManager: import('./connection-manager.js').ConnectionManager, inbox: import('./push/page-inbox.js').PageInbox,
 *   windows: import('./window-coordinator.js').WindowCoordinator}} parts
 * @param {EventTarget} client
 */
export function relayEvents({ connectionManager, inbox, windows }, client) {
  const { incomingCalls } = connectionManager;
  incomingCalls.on('ring', (ring) => client.dispatchEvent(new DialEvent(ring)));
  incomingCalls.on('answered', ({ address, ring }) => client.dispatchEvent(ring ? new DialEvent(ring, true) : new MissedEvent(address, true)));
  const onMissed = (/** @type {Call} */ { sender, sentAt }) => client.dispatchEvent(new MissedEvent(sender, false, sentAt));
  const onAnsweredElsewhere = (/** @type {Call} */ { sender, sentAt }) => client.dispatchEvent(new AnsweredElsewhereEvent(sender, sentAt));
  incomingCalls.on('missed', onMissed);
  incomingCalls.on('answeredElsewhere', onAnsweredElsewhere);
  inbox.on('missed', onMissed);
  inbox.on('answeredElsewhere', onAnsweredElsewhere);
  connectionManager.on('peer', (peer) => client.dispatchEvent(new PeerEvent(peer)));
  connectionManager.on('trouble', (error) => client.dispatchEvent(new TroubleEvent(error)));
  connectionManager.on('dropped', (reason) => inbox.drop(reason));
  inbox.on('dropped', (reason) => client.dispatchEvent(new DropEvent(reason)));
  inbox.on('call', (call) => connectionManager.receive(call));
  inbox.on('click', ({ address, action }) => {
    client.dispatchEvent(new NotificationClickEvent(address, action));
    incomingCalls[action](address);
  });
  windows.on('elsewhere', () => client.dispatchEvent(new Event('elsewhere')));
}
