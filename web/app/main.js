/**
 * Entry module of the app: one state, the views that draw it, and the events of the browser.
 * @module
 */

import { select } from './calls.js';
import { markRead } from './chat/unread.js';
import { cleanName } from './display-names.js';
import { clearLink, moveToLocalhost, nameInLink, readLink } from './links.js';
import { newVersionNotice } from './new-version.js';
import { loadScreening } from './reachability/screening-settings.js';
import { rememberConnected } from './reconnect-after-reload.js';
import { open, start } from './session.js';
import { chatWith, createState } from './state.js';
import { ChatRepository } from './storage/chat-repository.js';
import { allContacts } from './storage/contacts.js';
import { loadLanguage } from './texts/translation.js';
import { backupDialog } from './views/backup-dialog.js';
import { callControlsView } from './views/call/call-controls-view.js';
import { incomingCallView } from './views/call/incoming-call-view.js';
import { ongoingCallBar } from './views/call/ongoing-call-bar.js';
import { stageView } from './views/call/stage-view.js';
import { chatHeaderView } from './views/chat/chat-header-view.js';
import { composerView } from './views/chat/composer-view.js';
import { fileViewer } from './views/chat/file-viewer.js';
import { messageListView } from './views/chat/message-list-view.js';
import { messageMenu } from './views/chat/message-menu.js';
import { confirmDialog } from './views/confirm-dialog.js';
import { addDialog, personDialog } from './views/contact-dialogs.js';
import { contactListView } from './views/contact-list-view.js';
import { installView } from './views/install-view.js';
import { Notices } from './views/notices.js';
import { translatePage } from './views/page-translation.js';
import { endBoot, focusView, isWide, pageView } from './views/page-view.js';
import { qrDialog } from './views/qr/qr-dialog.js';
import { doNotDisturbView } from './views/settings/do-not-disturb-view.js';
import { settingsDialog } from './views/settings/settings-dialog.js';
import { welcomeView } from './views/welcome-view.js';

/** A screen has sixty drawings a second; a hidden page still gets its title. */
const DRAWING_MS = 16;

await loadLanguage();
translatePage();
const state = createState();
let drawing = 0;

const app = /** @type {import('./state.js').App} */ ({
  state,
  notices: new Notices(),
  changed: () => {
    drawing ||= window.setTimeout(draw, DRAWING_MS);
  },
});
app.chatRepository = new ChatRepository(app);

const confirm = confirmDialog();
const addPerson = addDialog(app);
const openPerson = personDialog(app, confirm);
const offerBackup = backupDialog(app);
const openSettings = settingsDialog(app, { confirm, offerBackup });
fileViewer();
messageMenu();
qrDialog(app);
const views = [
  pageView(app),
  installView(),
  doNotDisturbView(app),
  ...[welcomeView(app, { offerBackup }), contactListView(app, { addPerson, openSettings }), chatHeaderView(app, { openPerson, addPerson })],
  ...[stageView(app), callControlsView(app), ongoingCallBar(app), messageListView(app), composerView(app), incomingCallView(app), focusView(app), newVersionNotice(app)],
];

function draw() {
  drawing = 0;
  markRead(app);
  for (const view of views) view();
  app.chatRepository.save();
}

window.addEventListener('popstate', () => {
  if (!history.state?.isChat && !isWide()) select(app, null);
});
window.addEventListener('hashchange', () => {
  const address = readLink();
  if (!address) return;
  if (nameInLink()) chatWith(state, address).says ||= cleanName(nameInLink());
  if (state.phase !== 'on') {
    state.invited = address;
    return app.changed();
  }
  clearLink();
  if (address !== state.identity?.address) select(app, address);
});
window.addEventListener('pagehide', () => {
  rememberConnected(state.chats.values());
});
window.addEventListener('offline', () => follow(false));
window.addEventListener('online', () => follow(true));
window.addEventListener('unhandledrejection', ({ reason }) => app.notices.alert(reason, { key: 'unexpected' }));

/** @param {boolean} isOnline */
function follow(isOnline) {
  state.online = isOnline;
  if (!isOnline) return app.notices.alert({ code: 'offline' }, { key: 'offline', lasting: true });
  app.notices.dismiss('offline');
  if (state.phase === 'failed') void start(app);
}

if (await moveToLocalhost()) await new Promise(() => {}); // nothing is stored here
try {
  for (const contact of await allContacts()) state.contacts.set(contact.address, contact);
} catch (error) {
  app.notices.alert(error, { key: 'contacts' });
}
endBoot();
await app.chatRepository.restore();
await loadScreening(app);
if (!state.online) follow(false);
await open(app);
