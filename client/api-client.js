/**
 * HTTP client of a Whisper server: signed calls and retries.
 * @module
 */

import { pause } from './promises.js';
import { WhisperError } from './protocol/errors.js';
import { bytesOverLimit, canonical, encodeMembers } from './protocol/messages.js';
import { ServerClock } from './server-clock.js';

/** @typedef {import('./identity.js').Identity} Identity */
/** @typedef {import('./store.js').Store} Store */
/** @typedef {import('./protocol/messages.js').Method} Method */

/** Answer of `GET /config`; the ICE servers are `RTCIceServer`s, which a worker has no name for.
 * @typedef {{urls: string | string[], username?: string, credential?: string}} IceServer
 * @typedef {{vapid_public_key: string, ice_servers: IceServer[], turn?: boolean}} Config
 */

/** A device of a person: where else they have registered the same identity; `updated` in ms since the Unix epoch.
 * @typedef {{id: string, updated: number}} Device
 */

/** The server gives a push service 10 s in all; then the network has its turn. */
const TIMEOUT_MS = 15_000;
/** A request that found no server is sent again after these: the server relays the same call only once. */
const RETRIES_MS = [300, 1000];
const CONFIG_LIFE_MS = 60 * 60 * 1000;
/** TURN credentials live an hour, and must be good when a connection asks for its relay. */
const CREDENTIAL_LIFE_MS = 50 * 60 * 1000;
/** Something older is told as so old: servers take no call that is 5 s old. */
const MAX_AGO_MS = 4000;
/** What a server that is short of something asks to wait, and a caller does not notice. */
const SHORT_WAIT_S = 2;

/** HTTP client of one Whisper server, for one identity. */
export class ApiClient {
  #identity;
  #store;
  #clock;
  /** @type {Config | undefined} */ #config;
  #asked = 0;
  /** @type {IceServer[] | undefined} with TURN credentials */ #turn;
  #turnAsked = 0;
  /** The devices of this person, as the last update told. @type {Device[]} */
  devices = [];
  /** This one. @type {string | undefined} */
  device;

  /**
   * @param {string} origin
   * @param {Identity} identity
   * @param {Store} store where the clock and the device are kept for the service worker
   */
  constructor(origin, identity, store) {
    this.origin = origin.replace(/\/+$/, '');
    this.#identity = identity;
    this.#store = store;
    this.#clock = new ServerClock(store);
  }

  /** @returns {number} the server's time as we know it, ms since the Unix epoch */
  now() {
    return this.#clock.now();
  }

  /** @returns {Promise<Config>} at most an hour old */
  async config() {
    if (!this.#config || Date.now() - this.#asked > CONFIG_LIFE_MS) {
      const config = /** @type {Config & Record<string, any>} */ (await this.#ask('/config'));
      if (typeof config.vapid_public_key !== 'string') throw new WhisperError('not_a_server');
      this.#config = config;
      this.#asked = Date.now(); // which goes on while the machine sleeps
    }
    return this.#config;
  }

  /**
   * Register a push subscription; `null` forgets all, or one device, `undefined` only asks.
   * @param {PushSubscription | null} [subscription]
   * @param {{code?: string, device?: string}} [more] the code that a verification push brought; the device to end
   */
  async update(subscription, { code, device } = {}) {
    const answer = await this.#call('update', () => ({
      a: this.#identity.address,
      ...(subscription !== undefined && { b: subscription && subscriptionData(subscription) }),
      c: this.now(),
      ...(code !== undefined && { d: code }),
      ...(device !== undefined && { e: device }),
    }));
    this.#turn = answer.ice_servers;
    this.#turnAsked = Date.now();
    this.devices = answer.devices ?? [];
    this.device = answer.device ?? this.device;
    await this.#store.put('state', { id: this.device, several: this.devices.length > 1 }, 'device');
  }

  /** @returns {Promise<IceServer[]>} for a connection that begins now */
  async iceServers() {
    const { ice_servers: stun, turn } = await this.config();
    if (!turn) return stun;
    const fresh = this.#turn && Date.now() - this.#turnAsked < CREDENTIAL_LIFE_MS;
    if (!fresh) await this.update().catch(() => undefined); // most connections do without a relay
    return this.#turn ?? stun;
  }

  /**
   * Relay a call to *recipient*; with several devices of our own, it says from which.
   * @param {Method} method
   * @param {string} recipient
   * @param {import('./protocol/messages.js').Members} [members]
   * @param {number} [since] by our clock: when what it tells has happened, if not now
   * @throws {WhisperError} the server's refusal, `message_too_large` or `server_unreachable`
   */
  async relay(method, recipient, members, since = Date.now()) {
    const own = await this.#store.get('state', 'device').catch(() => undefined);
    const all = { ...members, fromDevice: own?.several ? own.id : undefined };
    const ago = Math.min(Date.now() - since, MAX_AGO_MS);
    await this.#call(method, () => ({ a: this.#identity.address, b: this.now() - ago, c: recipient, ...encodeMembers(method, all) }));
  }

  /**
   * Tell the person's other devices that a dial is dealt with here, if it rings there.
   * @param {import('./protocol/messages.js').Call} dial
   */
  async silence({ devices = 1, encryptionKey: dialKey }) {
    if (devices > 1) await this.relay('close', this.#identity.address, { dialKey });
  }

  /**
   * Sign and post. A refusal tells the time, so a clock that was wrong is right at the second try.
   * @param {Method | 'update'} method
   * @param {() => Record<string, unknown>} data made anew for every signature
   * @returns {Promise<Record<string, any>>} what the server answered
   */
  async #call(method, data) {
    try {
      return await this.#ask(`/${method}`, await this.#sign(method, data()));
    } catch (error) {
      if (!(error instanceof WhisperError && worthAnotherTry(error))) throw error;
      await pause((error.retryAfter ?? 0) * 1000);
      return await this.#ask(`/${method}`, await this.#sign(method, data()));
    }
  }

  /**
   * @param {Method | 'update'} method
   * @param {Record<string, unknown>} data
   * @returns {Promise<string>}
   */
  async #sign(method, data) {
    const text = canonical(data);
    const signature = await this.#identity.sign(text);
    const over = method === 'update' ? 0 : bytesOverLimit(method, text, signature);
    if (over > 0) throw new WhisperError('message_too_large', { message: `${over} bytes more than fit into one push message.` });
    return `{"a":"${method}","b":${text},"c":"${signature}"}`;
  }

  /**
   * @param {string} path
   * @param {string} [body]
   * @returns {Promise<Record<string, any>>} what the server answered
   */
  async #ask(path, body) {
    const { response, asked } = await this.#fetch(path, body);
    const answer = await response.json().catch((cause) => {
      const code = response.status >= 500 ? 'server_unreachable' : 'not_a_server'; // a proxy, whose server is not there
      throw new WhisperError(code, { cause, status: response.status });
    });
    if (!Number.isSafeInteger(answer?.timestamp)) throw new WhisperError('not_a_server', { status: response.status });
    await this.#clock.set(answer.timestamp, asked);
    if (response.ok) return answer;
    const retryAfter = Number(response.headers.get('Retry-After')) || undefined;
    throw new WhisperError(answer.code, { message: answer.reason, retryAfter, status: response.status });
  }

  /**
   * @param {string} path
   * @param {string} [body]
   * @returns {Promise<{response: Response, asked: number}>} and when it was asked for, ms by our clock
   */
  async #fetch(path, body) {
    const method = body === undefined ? 'GET' : 'POST';
    const headers = body === undefined ? undefined : { 'Content-Type': 'application/json' };
    for (const wait of [...RETRIES_MS, undefined]) {
      try {
        const signal = AbortSignal.timeout(TIMEOUT_MS);
        const asked = Date.now();
        const response = await fetch(this.origin + path, { method, headers, body, signal, credentials: 'omit', cache: 'no-store' });
        return { response, asked };
      } catch (cause) {
        if (wait === undefined) throw new WhisperError('server_unreachable', { cause });
        await pause(wait);
      }
    }
    throw new WhisperError('server_unreachable');
  }
}

/** @param {WhisperError} error */
function worthAnotherTry(error) {
  const short = error.status === 503 && error.code !== 'push_busy' && (error.retryAfter ?? Infinity) <= SHORT_WAIT_S;
  return error.code === 'stale_timestamp' || error.code === 'stale_update' || short;
}

/** @param {PushSubscription} subscription */
function subscriptionData(subscription) {
  const { endpoint, expirationTime, keys } = subscription.toJSON();
  const expiration = typeof expirationTime === 'number' ? Math.floor(expirationTime) : null; // it may have a fraction, which is no integer of the protocol
  return { a: endpoint, b: expiration, c: { a: keys?.p256dh, b: keys?.auth } };
}
