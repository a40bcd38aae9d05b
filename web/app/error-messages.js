/**
 * Error messages for people: what happened, and what to do about it.
 * @module
 */

/** @typedef {{title: string, advice: string}} Words */

const LATER = 'Try again in a moment.';
const OPERATOR = 'This is a fault of the app or its server. If it comes again, tell whoever runs this server.';
const UPDATE_APP = 'Reload the page to get the newest version. If it comes again, tell whoever runs this server.';

/** @type {Readonly<Record<string, readonly [title: string, advice: string]>>} */
const WORDS = Object.freeze({
  // This browser
  unsupported_browser: ['This browser is too old for calls', 'Update it, or use a current Chrome, Edge, Firefox or Safari.'],
  insecure_context: ['This page is not secure', 'Open it with https:// at the beginning. Browsers allow calls only there.'],
  push_unavailable: [
    'This browser gives no push messages here',
    'In a private window there are none: open Whisper in a normal one. Otherwise allow push messages in the browser’s settings.',
  ],
  permission_denied: [
    'Notifications are blocked',
    'Without them no call can reach you. Allow them in the site settings beside the address bar. A private window has none: use a normal one.',
  ],
  permission_dismissed: ['Notifications are not allowed yet', 'Press the button again, and choose “Allow” when your browser asks.'],
  permission_revoked: [
    'Your browser has taken the permission to notify away',
    'Browsers do that to sites that were not used for long. Turn calls on again, and choose “Allow”.',
  ],
  worker_unavailable: ['A part of the app is missing', UPDATE_APP],
  foreign_subscription: ['Another app on this site holds the push messages', 'Tell whoever runs this server: each needs a folder of its own.'],
  push_service_unreachable: [
    'Your browser’s push service did not answer',
    'Check the network, or switch off a VPN or blocker for a moment. Then try again.',
  ],
  no_identity: ['There is no address in this browser', 'Turn on calls to get one, or restore a backup.'],
  identity_changed: ['Your address is not in this browser any more', 'Its data was deleted, or another window has put a new one there. Reload the page.'],
  already_started: ['Whisper is running already', 'Reload the page.'],
  stopped: ['Calls are off in this window', 'Turn them on again.'],
  storage: ['This browser keeps nothing for Whisper', 'Allow the site to store data, or make room on the device. Then reload.'],

  // The way to the server
  offline: ['You are offline', 'Open connections go on if they can. New calls work again when you are back online.'],
  server_unreachable: ['The server can’t be reached', 'Check your network. Whisper tries again by itself.'],
  not_a_server: ['There is no Whisper server here', 'Check the address of the server.'],
  request_timed_out: ['The network is too slow', 'The server waited for the rest of a request. Try again.'],
  overloaded: ['The server is very busy', LATER],
  database_unavailable: ['The server can’t reach its memory', LATER],
  internal_error: ['The server made a mistake', 'It was written down there. Try again.'],
  outdated_schema: ['The server is being updated', 'Try again in a few minutes.'],

  // Calling somebody
  invalid_address: ['This is not an address', 'Ask for it again, best as a link. It has 44 characters and ends with =.'],
  own_address: ['This is your own address', 'Send it to somebody else: they can ring you with it.'],
  already_connected: ['You are connected already', 'Another window of Whisper may hold the conversation.'],
  in_another_window: ['In a call in another window', 'Ring to take it over to this one.'],
  taken_over: ['The call goes on in another window', 'Ring to take it back to this one.'],
  no_answer: ['No answer', 'They may be away. They see that you rang.'],
  declined: ['They can’t chat now', 'They declined the call.'],
  cancelled: ['You cancelled the call', 'Ring again whenever you like.'],
  missed: ['The call was missed', 'Call back when it suits you.'],
  taken: ['The call was answered in another window', 'It goes on there.'],
  answered: ['The call was answered', 'Another window of yours took it.'],
  answered_elsewhere: ['You answered on another device', 'The call goes on there.'],
  unknown_recipient: ['Nobody is reachable at this address', 'They may have been away too long, or have a new address. Ask for their link.'],
  subscription_gone: ['This browser’s push subscription has ended', 'Turn calls off and on again to get another one.'],
  recipient_gone: ['They can’t be reached any more', 'Their browser has given up its place. They come back by opening Whisper once.'],
  too_many_calls: ['Too many calls in a short time', 'The server asks for a little patience.'],
  already_in_flight: ['This is on its way already', 'The server asks for a little patience.'],
  connection_failed: [
    'No direct way was found',
    'A firewall may be between you. Another network often helps, like the phone’s own. The server may also need a TURN server.',
  ],
  push_refused: ['Their push service refused the call', 'They should open Whisper once. Then try again.'],
  push_unreachable: ['Their push service can’t be reached', LATER],
  push_busy: ['Their push service is busy', 'It asks for a little patience.'],
  push_timed_out: ['Their push service was slow', 'The call may have arrived. Wait a moment before you ring again.'],

  // Being connected
  hung_up: ['They hung up', 'Call again to go on.'],
  connection_lost: ['The connection was lost', 'The network on one of the two sides is gone. Ring again.'],
  replaced: ['The connection was made anew', 'Nothing to do: the newer one goes on.'],
  not_connected: ['You are not connected', 'Ring first, then send again.'],
  flooded: ['They sent too much', 'Their app sent more than this browser can take, so Whisper hung up.'],
  reader_too_slow: ['Too much came at once', 'Some messages could not be shown. Ring again.'],
  message_too_large: ['This is too large for a message', 'Send it as a file.'],
  not_json: ['This can’t be sent', 'Send it as a file.'],
  bytes_unsupported: ['Their app takes only text', 'Send it as a file.'],
  not_a_file: ['This is not a file', 'Choose a file to send.'],
  unreadable_file: ['This file can’t be read', 'It may have been moved or changed. Choose it again.'],
  transfer_cancelled: ['Cancelled', 'The file was not transferred.'],
  file_too_large: ['This file is too large', 'Make it smaller, or send it in parts.'],
  media_denied: ['The microphone or camera may not be used', 'Allow it in the site settings beside the address bar.'],
  media_not_found: ['There is no microphone or camera', 'Connect one, and try again.'],
  media_busy: ['The microphone or camera is busy', 'Another app may be using it. Close that, and try again.'],
  media_unavailable: ['Microphone and camera can’t be used here', 'Open the page with https:// at the beginning, in a current browser.'],
  media_unsupported: ['Their app takes no voice or video', 'Writing and files work.'],

  // Backups
  not_a_backup: ['This file is not a backup', 'Choose the file that Whisper saved for you.'],
  unexpected: ['Something unexpected happened', UPDATE_APP],
  mistyped_code: ['There is a mistake in the recovery code', 'It has seven groups of four letters and digits. Compare them one by one.'],
  wrong_code: ['This code does not open it', 'It belongs to another address.'],
  wrong_passphrase: ['This passphrase does not open it', 'Check capital letters and spaces, and try again.'],

  // Registering
  origin_not_allowed: ['This page may not use the server', 'The server answers only pages that its operator has named.'],
  endpoint_not_allowed: ['The server does not work with this browser’s push service', 'Use another browser, or ask whoever runs this server.'],
  endpoint_unverified: ['Your push service was not verified in time', LATER],
  stale_update: ['Another window was faster', 'It has registered you. Reload this page.'],
  stale_timestamp: ['The clocks did not agree', 'Whisper has set its own by the server’s. Try again.'],

  // What only a fault of the app brings about
  bad_signature: ['The server did not accept the signature', UPDATE_APP],
  replayed: ['The server has seen this call before', 'Try again: a new call is made.'],
  not_http: ['The server did not understand', OPERATOR],
  not_a_call: ['The server did not understand', OPERATOR],
  not_found: ['The server does not know this', UPDATE_APP],
  method_not_allowed: ['The server does not know this', UPDATE_APP],
  body_too_large: ['The call is too large', UPDATE_APP],
  head_too_large: ['The request is too large', 'Delete this site’s cookies, and try again.'],
  unsupported_encoding: ['The server did not understand', OPERATOR],
  unknown_method: ['The server does not know this', UPDATE_APP],
  wrong_method: ['The server did not understand', OPERATOR],
  invalid_call: ['The server did not accept the call', UPDATE_APP],
});

/** @type {Readonly<Record<string, readonly [title: string, advice: string]>>} what `getUserMedia` rejects with */
const MEDIA_WORDS = Object.freeze({
  NotAllowedError: ['may not be used', 'Allow it in the site settings beside the address bar, and in the settings of your device.'],
  SecurityError: ['may not be used', 'The settings of this device or its owner forbid it.'],
  NotFoundError: ['was not found', 'Connect one, and try again.'],
  OverconstrainedError: ['can’t do what is needed', 'Try another one.'],
  NotReadableError: ['is busy', 'Another app may be using it. Close that, and try again.'],
  AbortError: ['did not start', 'Try again, or connect it anew.'],
  TypeError: ['can’t be used on this page', 'Open it with https:// at the beginning.'],
});

/** @type {Readonly<Record<import('./state.js').Phase, string>>} */
export const PHASES = Object.freeze({
  idle: '',
  ringing: 'Calling…',
  incoming: 'Is calling you',
  connecting: 'Connecting…',
  open: 'Connected',
  reconnecting: 'Reconnecting…',
});

/**
 * @param {unknown} error
 * @returns {string} its code, or ''
 */
export function codeOf(error) {
  const { code } = /** @type {{code?: unknown}} */ (error ?? {});
  return typeof code === 'string' ? code : '';
}

/**
 * @param {unknown} error
 * @returns {Words}
 */
export function wordsOf(error) {
  const words = WORDS[codeOf(error)];
  if (!words) return { title: 'Something went wrong', advice: error instanceof Error ? error.message : LATER };
  return { title: words[0], advice: words[1] + patience(error) };
}

/**
 * @param {unknown} error
 * @param {'microphone' | 'camera' | 'screen'} device
 * @returns {Words}
 */
export function wordsOfMedia(error, device) {
  const name = error instanceof Error ? error.name : '';
  const words = MEDIA_WORDS[name];
  if (!words) return wordsOf(error);
  return { title: `The ${device} ${words[0]}`, advice: words[1] };
}

/** @param {unknown} error */
function patience(error) {
  const { retryAfter } = /** @type {{retryAfter?: number}} */ (error ?? {});
  if (!retryAfter) return '';
  return ` Try again in ${retryAfter < 90 ? `${Math.ceil(retryAfter)} seconds` : `${Math.ceil(retryAfter / 60)} minutes`}.`;
}
