/**
 * Delivery tracker: sequence numbers, acknowledgements and retransmission of values over successive connections.
 * Each arrives once and in order, however often the connection is made anew. Pure bookkeeping, for both directions of one peer.
 *
 * Each side counts what it has taken and says so: in a receipt now and then, and in the hello that opens a connection.
 * @module
 */

/** A value on its way; `onSent` is called when it has left.
 * @typedef {{number: number, value: unknown, left: boolean, onSent: () => void, onFailed: (error: Error) => void}} Item
 */

/** Greeting of two programs when a connection opens.
 * @typedef {{session: string, theirs: string | null, received: number}} Hello
 */

/** Values under way: who sends receipts is waited for then, and for others the oldest are forgotten. */
const MAX_UNDER_WAY = 256;

/** Sequence numbers of one peer, in both directions. */
export class DeliveryTracker {
  #session;
  /** @type {Item[]} not known to have arrived */ #items = [];
  #next = 0; // index of the first item that this connection has not taken
  #offset = 0; // numbers that had left before they began to count
  #skipped = 0; // numbers that do not go over this connection: what arrived before
  /** @type {string | null} */ #theirs = null;
  #before = 0; // what had been received when this connection opened
  /** @type {number | undefined} what they have sent before, as far as it counts; unknown until their hello */ #base;
  #counted = 0;

  /** @param {string} session a name that no other page has */
  constructor(session) {
    this.#session = session;
    /** How many values were sent. */
    this.sent = 0;
    /** How many of them have arrived. */
    this.delivered = 0;
  }

  /**
   * @param {unknown} value
   * @param {() => void} onSent
   * @param {(error: Error) => void} onFailed
   * @returns {number} its number, from 1
   */
  add(value, onSent, onFailed) {
    this.sent += 1;
    const item = { number: this.sent, value, left: false, onSent, onFailed };
    item.onSent = () => {
      item.left = true;
      onSent();
    };
    this.#items.push(item);
    return this.sent;
  }

  /** A new connection: nothing has gone over it yet. */
  begin() {
    this.#before = this.received;
    this.#base = undefined;
    this.#counted = 0;
    this.#goFrom(this.#items);
  }

  /** They say no hello, and so no receipts: what has left has arrived, as far as we will ever know. */
  presume() {
    this.#goFrom(this.#items.filter((item) => !item.left));
  }

  /** @returns {Item | undefined} the next to send; none while too many are under way */
  take() {
    const full = this.#next >= MAX_UNDER_WAY;
    const item = this.#items[this.#next];
    if (!item || (full && this.isAgreed)) return undefined;
    if (full) this.#items.shift();
    else this.#next += 1;
    return item;
  }

  /** A value of theirs has come. */
  countReceived() {
    this.#counted += 1;
  }

  /** @returns {number} how many values of theirs have come in this session of theirs */
  get received() {
    return (this.#base ?? this.#before) + this.#counted;
  }

  /** @returns {boolean} whether our count means something to them */
  get isAgreed() {
    return this.#base !== undefined;
  }

  /** @returns {Hello} */
  hello() {
    return { session: this.#session, theirs: this.#theirs, received: this.#before };
  }

  /** @param {Hello} hello theirs */
  onHello({ session, theirs, received }) {
    this.#base = session === this.#theirs ? this.#before : 0;
    this.#theirs = session;
    if (theirs === this.#session) this.confirm(received);
    else this.#offset = this.#skipped; // they start to count anew
  }

  /** @param {number} received how many of mine they have */
  confirm(received) {
    const delivered = Math.min(this.#offset + received, this.sent);
    if (!(delivered > this.delivered)) return;
    this.delivered = delivered;
    const left = this.#items.findIndex((item) => item.number > delivered);
    const gone = left === -1 ? this.#items.length : left;
    for (const item of this.#items.splice(0, gone)) item.onSent();
    this.#next = Math.max(0, this.#next - gone);
  }

  /** @param {Error} error why nothing can be sent any more */
  end(error) {
    for (const item of this.#items.splice(0)) item.onFailed(error); // those that have left were told so before
    this.#next = 0;
  }

  /** @param {Item[]} items all that go over this connection */
  #goFrom(items) {
    this.#items = items;
    this.#next = 0;
    this.#skipped = (items[0]?.number ?? this.sent + 1) - 1;
  }
}
