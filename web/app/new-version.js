/**
 * Notice of a new version of the app, which the service worker has fetched: never in a call.
 * @module
 */

import { reload } from './links.js';
import { t, wordsFor } from './texts/translation.js';

/** @typedef {import('./state.js').App} App */

const KEY = 'new-version';

/**
 * @param {App} app
 * @returns {() => void} show the notice, or hide it
 */
export function newVersionNotice(app) {
  let isThere = false;
  let isShown = false;
  navigator.serviceWorker?.addEventListener('message', ({ data }) => {
    if (data?.app !== 'renewed') return;
    isThere = true;
    app.changed();
  });

  return () => {
    const isWanted = isThere && [...app.state.chats.values()].every(({ phase }) => phase === 'idle');
    if (isWanted === isShown) return;
    isShown = isWanted;
    if (!isWanted) return app.notices.dismiss(KEY);
    app.notices.alert(null, { key: KEY, words: wordsFor('version.new'), action: { label: t('common.reload'), run: reload } });
  };
}
