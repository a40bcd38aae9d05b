/**
 * Message list of each chat, also of those in the background.
 * @module
 */

import { nameOf, selectedChat } from '../../state.js';
import { t } from '../../texts/translation.js';
import { button, create, element, onClick, setShown, setText } from '../dom.js';
import { rowOf } from './entry-view.js';
import { showRow } from './message-menu.js';

/** @typedef {import('../../state.js').App} App */
/** @typedef {import('../../state.js').Chat} Chat */
/** @typedef {import('../../state.js').Entry} Entry */
/** @typedef {import('./entry-view.js').Row} Row */

/** So near to the end, whoever reads wants to see what comes. */
const NEAR_PX = 80;

/** Message list of one chat. */
class MessageList {
  /** @type {Map<Entry, Row>} */
  #rows = new Map();
  #list = create('ol', { class: 'entries' });
  #start = create('p', { class: 'muted small log-start' });
  element = create('div', { class: 'log', role: 'log', tabindex: '0', onscroll: () => this.#follow() }, this.#start, this.#list);
  isAtEnd = true;

  constructor() {
    const stay = () => this.isAtEnd && !this.element.hidden && this.scrollToEnd();
    new ResizeObserver(stay).observe(this.element); // a video or a keyboard takes room
  }

  /**
   * @param {App} app
   * @param {Chat} chat
   * @returns {boolean} whether there is something new
   */
  draw(app, chat) {
    const kept = new Set(chat.entries);
    for (const [entry, row] of this.#rows) {
      if (kept.has(entry)) continue;
      row.element.remove();
      this.#rows.delete(entry);
    }
    if (this.#isOutOfOrder(chat.entries)) this.#clear();
    let before = /** @type {Entry | null} */ (null);
    let isNew = false;
    for (const entry of chat.entries) {
      if (!this.#rows.has(entry)) {
        const row = rowOf(app, chat, entry, before);
        this.#rows.set(entry, row);
        this.#list.append(row.element);
        isNew = true;
      }
      this.#rows.get(entry)?.update();
      before = entry;
    }
    const isBrief = app.chatRepository.keepFor === 'close';
    setText(this.#start, chat.forgotten ? t('chat.dropped') : isBrief ? t('chat.brief') : '');
    return isNew;
  }

  /**
   * Tell whether an entry is missing before one that is shown: an import has put it there.
   * @param {readonly Entry[]} entries
   */
  #isOutOfOrder(entries) {
    const shown = entries.findLastIndex((entry) => this.#rows.has(entry));
    return entries.slice(0, shown).some((entry) => !this.#rows.has(entry));
  }

  #clear() {
    this.#rows.clear();
    this.#list.replaceChildren();
  }

  scrollToEnd() {
    this.element.scrollTop = this.element.scrollHeight;
    this.isAtEnd = true;
  }

  hide() {
    setShown(this.element, false);
  }

  /** @param {Entry} entry */
  scrollTo(entry) {
    const row = this.#rows.get(entry)?.element;
    if (row) showRow(row);
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
export function messageListView(app) {
  const { state } = app;
  /** @type {Map<string, MessageList>} */
  const logs = new Map();
  /** @type {MessageList | null} */
  let visible = null;
  const toNewest = button('to-newest');
  onClick('to-newest', () => visible?.scrollToEnd());

  return () => {
    const selected = selectedChat(state);
    for (const [address, log] of logs) {
      if (state.chats.get(address)?.entries.length) continue;
      log.element.remove();
      logs.delete(address);
    }
    const isWaiting = element('chat').hasAttribute('data-empty'); // somebody is being called
    setShown(element('logs'), Boolean(selected?.entries.length) && !isWaiting);
    for (const chat of state.chats.values()) {
      if (chat !== selected) logs.get(chat.address)?.hide();
      if (!chat.entries.length || chat !== selected) continue;
      const log = logs.get(chat.address) ?? newLog(toNewest);
      logs.set(chat.address, log);
      const wasAtEnd = log.isAtEnd;
      setShown(log.element, true);
      const isNew = log.draw(app, chat);
      const isOpened = log !== visible;
      visible = log;
      log.element.setAttribute('aria-label', t('chat.messagesWith', { name: nameOf(state, chat.address) }));
      if (isOpened || (isNew && (wasAtEnd || isMine(chat.entries.at(-1))))) log.scrollToEnd();
      else if (isNew) setShown(toNewest, true);
      if (isOpened) setShown(toNewest, false);
      if (chat.sought) log.scrollTo(chat.sought);
      chat.sought = null;
    }
    if (!selected?.entries.length) {
      visible = null;
      setShown(toNewest, false);
    }
  };
}

/** @param {HTMLElement} toNewest the button that is not needed at the end */
function newLog(toNewest) {
  const log = new MessageList();
  log.element.addEventListener('scroll', () => {
    if (log.isAtEnd) setShown(toNewest, false);
  });
  element('logs').append(log.element);
  return log;
}

/** @param {Entry | undefined} entry */
function isMine(entry) {
  return entry !== undefined && entry.kind !== 'note' && entry.mine;
}
