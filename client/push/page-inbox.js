/**
 * Inbox of one page: calls and clicks as the worker tells them, and what came while no page was open.
 * @module
 */

import { forgetSilent } from '../call-screening.js';
import { Emitter } from '../emitter.js';
import { pause } from '../promises.js';
import { closeRinging, closeScreened, countDropped, isMissed, listUnhandled, markHandled, takeAnsweredElsewhere, takeClick } from './inbox.js';
import { listenToWorker } from './worker-messages.js';

/** @typedef {import('../protocol/messages.js').Call} Call */
/** @typedef {import('../store.js').Store} Store */
/** @typedef {import('./inbox.js').Click} Click */
/** @typedef {import('../protocol/errors.js').DropReason} DropReason */

/** Ends of a ringing after which its notification stays, for the worker to say that a call was missed. */
const UNANSWERED = ['missed', 'hung_up', 'replaced', 'cancelled'];

/**
 * Inbox of one page. Fires `call`, `click`, `missed` for a call that is too old to be answered, `answeredElsewhere`, `dropped`, and `failed` when the storage refuses.
 * @extends {Emitter<{call: Call, click: Click, missed: Call, answeredElsewhere: Call, dropped: DropReason, failed: unknown}>}
 */
export class PageInbox extends Emitter {
  #store;
  #registration;
  #now;
  /** Pushes that were not believed, or not awaited, by reason. @type {Record<string, number>} */ dropped = {};
  /** @type {Map<DropReason, number>} */ #uncounted = new Map();
  #isCounting = false;
  /** @type {Promise<unknown>} */ #caughtUp = Promise.resolve();

  /**
   * @param {Store} store
   * @param {ServiceWorkerRegistration} registration
   * @param {() => number} now the server's time, ms
   */
  constructor(store, registration, now) {
    super();
    this.#store = store;
    this.#registration = registration;
    this.#now = now;
  }

  /** @param {AbortSignal} signal ends it */
  async listen(signal) {
    this.dropped = { ...(await this.#store.get('state', 'dropped')) };
    listenToWorker(navigator.serviceWorker, this.#registration, (...told) => this.#onWorkerMessage(...told), signal);
    this.#caughtUp = pause(0).then(() => (signal.aborted ? undefined : this.#catchUp())); // once whoever starts us listens
    this.#inBackground(this.#caughtUp);
  }

  /**
   * Note that a dial needs no answer any more, and close its notification unless it tells of a missed call.
   * @param {Call} dial
   * @param {string} [code] why
   */
  settle(dial, code) {
    const settled = markHandled(this.#store, dial);
    const stays = code !== undefined && UNANSWERED.includes(code);
    this.#inBackground(stays ? settled : settled.then(() => closeRinging(this.#registration, dial)));
  }

  /** @param {DropReason} reason why this page did not await a call; the worker has counted its own */
  drop(reason) {
    this.#onDropped(reason);
    this.#uncounted.set(reason, (this.#uncounted.get(reason) ?? 0) + 1);
    if (!this.#isCounting) this.#inBackground(this.#count());
  }

  /** Store how many were dropped, in one transaction at a time: a peer can send more than a browser writes. */
  async #count() {
    this.#isCounting = true;
    try {
      for (const [reason, count] of this.#uncounted) {
        this.#uncounted.delete(reason);
        await countDropped(this.#store, reason, count);
      }
    } finally {
      this.#isCounting = false;
    }
  }

  /** @param {DropReason} reason */
  #onDropped(reason) {
    this.dropped[reason] = (this.dropped[reason] ?? 0) + 1;
    this.emit('dropped', reason);
  }

  /**
   * @param {import('./worker-messages.js').WorkerMessage} message
   * @param {MessagePort} [port]
   */
  #onWorkerMessage(message, port) {
    if (message.whisper === 'call') this.#onCall(message.call);
    else if (message.whisper === 'clicked') this.#inBackground(this.#caughtUp.then(async () => this.#follow(await takeClick(this.#store, Date.now()))));
    else if (message.whisper === 'drop') this.#onDropped(message.reason);
    else if (message.whisper === 'presence') port?.postMessage({ audible: navigator.userActivation.hasBeenActive, since: performance.timeOrigin });
  }

  /** @param {Call} call */
  #onCall(call) {
    this.emit('call', call);
    if (call.method !== 'dial') this.#inBackground(markHandled(this.#store, call));
  }

  /** Take what came while no page was there. */
  async #catchUp() {
    const click = await takeClick(this.#store, Date.now());
    for (const dial of await takeAnsweredElsewhere(this.#store)) this.emit('answeredElsewhere', dial);
    for (const call of await listUnhandled(this.#store)) {
      if (call.method === 'dial' && isMissed(call, this.#now())) this.#miss(call, click?.address);
      else if (call.method === 'dial' || call.method === 'close') this.emit('call', call);
      if (call.method !== 'dial') await markHandled(this.#store, call);
    }
    this.#follow(click);
    await forgetSilent(this.#store);
    await closeScreened(this.#registration);
    await navigator.clearAppBadge?.().catch(() => undefined); // whoever opens the app sees what was missed
  }

  /** @param {Click | undefined} click */
  #follow(click) {
    if (click) this.emit('click', click);
  }

  /**
   * @param {Call} dial
   * @param {string | undefined} clicked
   */
  #miss(dial, clicked) {
    this.settle(dial);
    if (dial.sender !== clicked) this.emit('missed', dial);
  }

  /** @param {Promise<unknown>} work that nobody waits for */
  #inBackground(work) {
    work.catch((error) => this.emit('failed', error));
  }
}
