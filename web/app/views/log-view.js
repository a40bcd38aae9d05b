/**
 * What was said: one list for each talk, so that a talk in the background goes on.
 * @module
 */

import { button, element, h, onClick, show, write } from './dom.js';
import { rowOf } from './entry-view.js';
import { nameOf, selectedTalk } from '../state.js';

/** @typedef {import('../state.js').App} App */
/** @typedef {import('../state.js').Talk} Talk */
/** @typedef {import('../state.js').Entry} Entry */
/** @typedef {import('./entry-view.js').Row} Row */

/** So near to the end, whoever reads wants to see what comes. */
const NEAR_PX = 80;

/** The list of one talk. */
class Log {
  /** @type {Map<Entry, Row>} */
  #rows = new Map();
  #list = h('ol', { class: 'entries' });
  #start = h('p', { class: 'muted small log-start' }, 'Messages are kept on this page only, and are gone when you close it.');
  element = h('div', { class: 'log', role: 'log', tabindex: '0', onscroll: () => this.#follow() }, this.#start, this.#list);
  isAtEnd = true;

  constructor() {
    const stay = () => this.isAtEnd && !this.element.hidden && this.scrollToEnd();
    new ResizeObserver(stay).observe(this.element); // a video or a keyboard takes room
  }

  /**
   * @param {App} app
   * @param {Talk} talk
   * @returns {boolean} whether there is something new
   */
  draw(app, talk) {
    const kept = new Set(talk.entries);
    for (const [entry, row] of this.#rows) {
      if (kept.has(entry)) continue;
      row.element.remove();
      this.#rows.delete(entry);
    }
    let before = /** @type {Entry | null} */ (null);
    let isNew = false;
    for (const entry of talk.entries) {
      if (!this.#rows.has(entry)) {
        const row = rowOf(app, talk, entry, before);
        this.#rows.set(entry, row);
        this.#list.append(row.element);
        isNew = true;
      }
      this.#rows.get(entry)?.update();
      before = entry;
    }
    if (talk.forgotten) write(this.#start, 'Earlier messages were dropped to keep this page light.');
    return isNew;
  }

  scrollToEnd() {
    this.element.scrollTop = this.element.scrollHeight;
    this.isAtEnd = true;
  }

  #follow() {
    const { scrollHeight, scrollTop, clientHeight } = this.element;
    this.isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_PX;
  }
}

/**
 * @param {App} app
 * @returns {() => void} draw
 */
export function logView(app) {
  const { state } = app;
  /** @type {Map<string, Log>} */
  const logs = new Map();
  /** @type {Log | null} */
  let visible = null;
  const toNewest = button('to-newest');
  onClick('to-newest', () => visible?.scrollToEnd());

  /** @param {Talk} talk */
  const newLog = (talk) => {
    const log = new Log();
    logs.set(talk.address, log);
    log.element.addEventListener('scroll', () => {
      if (log.isAtEnd) show(toNewest, false);
    });
    element('logs').append(log.element);
    return log;
  };

  return () => {
    const selected = selectedTalk(state);
    for (const [address, log] of logs) {
      if (state.talks.get(address)?.entries.length) continue;
      log.element.remove();
      logs.delete(address);
    }
    show(element('logs'), Boolean(selected?.entries.length));
    for (const talk of state.talks.values()) {
      if (!talk.entries.length) continue;
      const log = logs.get(talk.address) ?? newLog(talk);
      const isVisible = talk === selected;
      const wasAtEnd = log.isAtEnd;
      show(log.element, isVisible);
      const isNew = log.draw(app, talk);
      if (!isVisible) continue;
      const isOpened = log !== visible;
      visible = log;
      log.element.setAttribute('aria-label', `Messages with ${nameOf(state, talk.address)}`);
      const last = talk.entries.at(-1);
      const isMine = last !== undefined && last.kind !== 'note' && last.mine;
      if (isOpened || (isNew && (wasAtEnd || isMine))) log.scrollToEnd();
      else if (isNew) show(toNewest, true);
      if (isOpened) show(toNewest, false);
    }
    if (!selected?.entries.length) {
      visible = null;
      show(toNewest, false);
    }
  };
}
