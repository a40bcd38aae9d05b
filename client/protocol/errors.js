/**
 * Error codes, each stable: the server's (docs/protocol.md), and the client's own below.
 * @module
 */

/** The client's codes, each with its sentence. */
export const REASONS = Object.freeze({
  unsupported_browser: 'This browser lacks something that Whisper needs.',
  insecure_context: 'Whisper needs https, or localhost.',
  push_unavailable: 'Push messages are not available here, as in a private window.',
  permission_denied: 'Notifications are blocked for this site.',
  permission_dismissed: 'Notifications were neither allowed nor blocked.',
  permission_revoked: 'The browser has taken the permission to notify away.',
  worker_unavailable: 'The service worker can not be started.',
  foreign_subscription: 'Another push system of this site holds the subscription of this scope.',
  storage: 'The browser keeps nothing for this site.',
  already_started: 'Whisper was started in this page with other options.',
  stopped: 'Whisper was stopped in this page.',
  push_service_unreachable: 'The push service of this browser can not be reached.',
  server_unreachable: 'The server can not be reached.',
  not_a_server: 'There is no Whisper server at this address.',
  no_identity: 'There is no identity in this browser yet.',
  identity_changed: 'The identity of this page is not in this browser any more: it was deleted or replaced.',
  invalid_address: 'This is not an address.',
  own_address: 'This is your own address.',
  already_connected: 'There is a connection with this address already.',
  in_another_window: 'Another window of this browser is connected with this address.',
  taken_over: 'Another window of this browser has taken the connection over.',
  no_answer: 'Nobody answered in time.',
  declined: 'They declined.',
  cancelled: 'The call was cancelled.',
  missed: 'The call was not accepted in time.',
  taken: 'The call was accepted elsewhere.',
  answered: 'The call was accepted.',
  answered_elsewhere: 'The call was dealt with on another device.',
  hung_up: 'They hung up.',
  connection_failed: 'No way to the other was found.',
  connection_lost: 'The connection was lost.',
  replaced: 'The connection was made anew.',
  not_connected: 'There is no connection.',
  message_too_large: 'The message is too large.',
  flooded: 'They sent more than this browser can take.',
  reader_too_slow: 'More messages came than were read.',
  not_json: 'Only JSON values and bytes can be sent.',
  bytes_unsupported: 'Their program takes no bytes, only JSON values.',
  not_a_file: 'This is not a file: a Blob or File is needed.',
  unreadable_file: 'The file can not be read.',
  media_denied: 'The microphone or the camera may not be used.',
  media_not_found: 'There is no such microphone or camera.',
  media_busy: 'The microphone or the camera could not be started: something else may use it.',
  media_unavailable: 'Microphone and camera can not be used here.',
  media_unsupported: 'Their program takes no audio or video.',
  transfer_cancelled: 'The transfer was cancelled.',
  file_too_large: 'The file is too large.',
  not_a_backup: 'This is not a backup of an identity.',
  mistyped_code: 'There is a mistake in this recovery code.',
  wrong_code: 'This is the recovery code of something else.',
  wrong_passphrase: 'The passphrase does not open this backup.',
  unexpected: 'Something unexpected has failed: see the cause.',
});

/** @typedef {keyof typeof REASONS} Code */
/** @typedef {{kind: 'missing' | 'characters' | 'length' | 'mistake', length: number}} AddressFault */

/** Error with a stable `code`: branch on it; `message` is one sentence for a person. */
export class WhisperError extends Error {
  /**
   * @param {Code | (string & {})} code one of the client's, or of the server's
   * @param {{message?: string, cause?: unknown, retryAfter?: number, status?: number, fault?: AddressFault}} [more]
   */
  constructor(code, { message, cause, retryAfter, status, fault } = {}) {
    super(message ?? REASONS[/** @type {Code} */ (code)] ?? code, { cause });
    this.name = 'WhisperError';
    this.code = code;
    /** Seconds to wait before another try, when the server asked for that. */
    this.retryAfter = retryAfter;
    /** The HTTP status, when the server refused. */
    this.status = status;
    /** What is wrong with an address, as the message says it in English. */
    this.fault = fault;
  }
}

/**
 * @param {unknown} error
 * @returns {WhisperError} it, or one that has it as its cause
 */
export function toWhisperError(error) {
  return error instanceof WhisperError ? error : new WhisperError('unexpected', { cause: error });
}

/** @typedef {'not_a_call' | 'stale' | 'not_for_me' | 'forged' | 'seen' | 'unexpected' | 'broken_seal' | 'glare' | 'busy'} DropReason */

/** Error of a call that is not verified, or not awaited: it is counted and never shown. */
export class Dropped extends Error {
  /** @param {DropReason} reason */
  constructor(reason) {
    super(reason);
    this.name = 'Dropped';
    this.reason = reason;
  }
}
