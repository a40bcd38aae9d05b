/**
 * Audio and video of each chat's call; audio continues while another chat is shown.
 * @module
 */

import { toggleMute, tracksOf } from '../devices.js';
import { nameOf, selectedChat } from '../state.js';
import { avatar, drawAvatar } from './avatar.js';
import { button, byId, create, element, onClick, setAttribute, setShown, setText } from './dom.js';
import { keepAwake } from './wake-lock.js';

/** @typedef {import('../state.js').App} App */
/** @typedef {import('../state.js').Chat} Chat */

/** What one peer shares, and what I do. */
class Stage {
  #remote = create('video', { class: 'remote', autoplay: true, playsinline: true });
  #own = create('video', { class: 'own', autoplay: true, playsinline: true, 'aria-label': 'Your camera' });
  #sign;
  #text = create('p', { class: 'clip' });
  #voice;
  #app;
  #chat;

  /**
   * @param {App} app
   * @param {Chat} chat
   */
  constructor(app, chat) {
    this.#app = app;
    this.#chat = chat;
    this.#sign = avatar(chat.address, '');
    this.#voice = create('div', { class: 'voice' }, this.#sign, this.#text);
    this.#own.muted = true;
    this.element = create('div', { class: 'stage' }, this.#remote, this.#voice, this.#own);
  }

  draw() {
    const { state } = this.#app;
    const { peer, media, address } = this.#chat;
    const theirs = peer?.remote ?? null;
    const sees = Boolean(theirs && tracksOf(theirs, 'camera').length);
    const hears = Boolean(theirs && tracksOf(theirs, 'microphone').length);
    const isSeen = tracksOf(media.stream, 'camera').length > 0;
    const name = nameOf(state, address);
    drawAvatar(this.#sign, address, state.contacts.get(address)?.name ?? '');
    setText(this.#text, voiceText(name, hears, tracksOf(media.stream, 'microphone').length > 0));
    setAttribute(this.#remote, 'aria-label', `Video of ${name}`);
    setAttribute(this.element, 'data-video', sees || isSeen);
    setAttribute(this.element, 'data-remote', sees ? 'video' : hears ? 'voice' : 'none');
    setShown(this.#voice, !sees);
    setShown(this.#own, isSeen);
    this.#play(this.#remote, sees || hears ? theirs : null);
    this.#play(this.#own, isSeen ? media.stream : null);
  }

  /** Play what the browser held back: call it from a click. */
  async play() {
    await this.#remote.play().catch(() => undefined); // then the button stays
    this.#chat.media.silenced = this.#remote.paused;
    this.#app.changed();
  }

  /**
   * @param {HTMLVideoElement} video
   * @param {MediaStream | null} stream
   */
  #play(video, stream) {
    if (video.srcObject === stream) return;
    video.srcObject = stream;
    if (!stream) return;
    video.play().catch((/** @type {unknown} */ error) => {
      const isHeldBack = error instanceof DOMException && error.name === 'NotAllowedError';
      if (isHeldBack && video === this.#remote) this.#chat.media.silenced = true;
      this.#app.changed();
    });
  }
}

/**
 * @param {string} name
 * @param {boolean} hears whether I hear them
 * @param {boolean} isHeard whether they hear me
 */
function voiceText(name, hears, isHeard) {
  if (hears && isHeard) return `You and ${name} hear each other`;
  if (hears) return `You hear ${name}`;
  return isHeard ? `${name} hears you` : `${name} sees you`;
}

/**
 * @param {App} app
 * @returns {() => void} draw
 */
export function stageView(app) {
  const { state } = app;
  /** @type {Map<Chat, Stage>} */
  const stages = new Map();
  onClick('mute', () => {
    const chat = selectedChat(state);
    if (chat) toggleMute(app, chat);
  });
  onClick('play-sound', () => {
    const chat = selectedChat(state);
    void (chat && stages.get(chat)?.play());
  });

  return () => {
    for (const [chat, stage] of stages) {
      if (isLive(chat)) continue;
      stage.element.remove();
      stages.delete(chat);
    }
    const selected = selectedChat(state);
    for (const chat of state.chats.values()) {
      if (!isLive(chat)) continue;
      const stage = stages.get(chat) ?? new Stage(app, chat);
      if (!stages.has(chat)) element('stages').append(stage.element);
      stages.set(chat, stage);
      setShown(stage.element, chat === selected);
      stage.draw();
    }
    void keepAwake([...stages.values()].some(({ element }) => element.hasAttribute('data-video')));
    drawControls(selected && isLive(selected) ? selected : null);
  };
}

/** @param {Chat | null} chat */
function drawControls(chat) {
  setShown(element('stage-area'), chat !== null);
  if (!chat) return;
  const { media } = chat;
  setShown(button('mute'), tracksOf(media.stream, 'microphone').length > 0);
  setAttribute(button('mute'), 'aria-pressed', String(media.muted));
  setAttribute(button('mute'), 'title', media.muted ? 'Unmute my microphone' : 'Mute my microphone');
  setAttribute(byId('mute-icon', SVGUseElement), 'href', media.muted ? '#icon-microphone-off' : '#icon-microphone');
  setShown(button('play-sound'), media.silenced);
}

/** @param {Chat} chat */
function isLive({ peer, media }) {
  return peer !== null && (media.stream.getTracks().length > 0 || Boolean(peer.remote?.getTracks().length));
}
