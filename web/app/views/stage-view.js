/**
 * Voice and video: one stage for each talk, so that a voice goes on while another talk is shown.
 * @module
 */

import { avatar, paint } from './avatar.js';
import { button, byId, element, h, mark, onClick, show, write } from './dom.js';
import { toggleMute, tracksOf } from '../devices.js';
import { nameOf, selectedTalk } from '../state.js';
import { keepAwake } from './wake-lock.js';

/** @typedef {import('../state.js').App} App */
/** @typedef {import('../state.js').Talk} Talk */

/** What one peer shares, and what I do. */
class Stage {
  #remote = h('video', { class: 'remote', autoplay: true, playsinline: true });
  #own = h('video', { class: 'own', autoplay: true, playsinline: true, 'aria-label': 'Your camera' });
  #sign;
  #text = h('p', { class: 'clip' });
  #voice;
  #app;
  #talk;

  /**
   * @param {App} app
   * @param {Talk} talk
   */
  constructor(app, talk) {
    this.#app = app;
    this.#talk = talk;
    this.#sign = avatar(talk.address, '');
    this.#voice = h('div', { class: 'voice' }, this.#sign, this.#text);
    this.#own.muted = true;
    this.element = h('div', { class: 'stage' }, this.#remote, this.#voice, this.#own);
  }

  draw() {
    const { state } = this.#app;
    const { peer, media, address } = this.#talk;
    const theirs = peer?.remote ?? null;
    const sees = Boolean(theirs && tracksOf(theirs, 'camera').length);
    const hears = Boolean(theirs && tracksOf(theirs, 'microphone').length);
    const isSeen = tracksOf(media.stream, 'camera').length > 0;
    const name = nameOf(state, address);
    paint(this.#sign, address, state.contacts.get(address)?.name ?? '');
    write(this.#text, voiceText(name, hears, tracksOf(media.stream, 'microphone').length > 0));
    mark(this.#remote, 'aria-label', `Video of ${name}`);
    mark(this.element, 'data-video', sees || isSeen);
    mark(this.element, 'data-remote', sees ? 'video' : hears ? 'voice' : 'none');
    show(this.#voice, !sees);
    show(this.#own, isSeen);
    this.#play(this.#remote, sees || hears ? theirs : null);
    this.#play(this.#own, isSeen ? media.stream : null);
  }

  /** Play what the browser held back: call it from a click. */
  async play() {
    await this.#remote.play().catch(() => undefined); // then the button stays
    this.#talk.media.silenced = this.#remote.paused;
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
      if (isHeldBack && video === this.#remote) this.#talk.media.silenced = true;
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
  /** @type {Map<Talk, Stage>} */
  const stages = new Map();
  onClick('mute', () => {
    const talk = selectedTalk(state);
    if (talk) toggleMute(app, talk);
  });
  onClick('play-sound', () => {
    const talk = selectedTalk(state);
    void (talk && stages.get(talk)?.play());
  });

  return () => {
    for (const [talk, stage] of stages) {
      if (isLive(talk)) continue;
      stage.element.remove();
      stages.delete(talk);
    }
    const selected = selectedTalk(state);
    for (const talk of state.talks.values()) {
      if (!isLive(talk)) continue;
      const stage = stages.get(talk) ?? new Stage(app, talk);
      if (!stages.has(talk)) element('stages').append(stage.element);
      stages.set(talk, stage);
      show(stage.element, talk === selected);
      stage.draw();
    }
    void keepAwake([...stages.values()].some(({ element }) => element.hasAttribute('data-video')));
    drawControls(selected && isLive(selected) ? selected : null);
  };
}

/** @param {Talk | null} talk */
function drawControls(talk) {
  show(element('stage-area'), talk !== null);
  if (!talk) return;
  const { media } = talk;
  show(button('mute'), tracksOf(media.stream, 'microphone').length > 0);
  mark(button('mute'), 'aria-pressed', String(media.muted));
  mark(button('mute'), 'title', media.muted ? 'Unmute my microphone' : 'Mute my microphone');
  mark(byId('mute-icon', SVGUseElement), 'href', media.muted ? '#icon-microphone-off' : '#icon-microphone');
  show(button('play-sound'), media.silenced);
}

/** @param {Talk} talk */
function isLive({ peer, media }) {
  return peer !== null && (media.stream.getTracks().length > 0 || Boolean(peer.remote?.getTracks().length));
}
