"""Preferences of Firefox in tests."""

PREFERENCES = {
    "marionette.port": 0,
    # The push service, which drivers turn off, without TLS on this machine.
    "dom.push.connection.enabled": True,
    "dom.push.testing.allowInsecureServerURL": True,
    "dom.push.testing.ignorePermission": True,
    "permissions.default.desktop-notification": 1,
    # A test brings more pushes in three seconds than Firefox forgives.
    "dom.push.maxQuotaPerSubscription": 1000,
    # Notifications as windows of Firefox's own: there is no desktop to show others.
    "alerts.useSystemBackend": False,
    "dom.serviceWorkers.testing.enabled": True,
    # WebRTC on one machine, with a camera and a microphone that are not there.
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    "media.peerconnection.ice.loopback": True,
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    # Few pictures, which cost CPU time: of the camera, and of the window.
    "media.navigator.video.default_fps": 5,
    "layout.frame_rate": 15,
    # Nothing moves, and there is a style of Firefox's own window: see `firefox.py`.
    "ui.prefersReducedMotion": 1,
    "toolkit.legacyUserProfileCustomizations.stylesheets": True,
    # What pages and workers say to the console is printed.
    "devtools.console.stdout.content": True,
    # What is saved goes into one folder, and nobody is asked.
    "browser.download.folderList": 2,
    "browser.download.alwaysOpenPanel": False,
    # One process for all pages, which are of one site, and none for extensions: another takes more CPU time.
    "fission.autostart": False,
    "dom.ipc.processCount": 1,
    "extensions.webextensions.remote": False,
    # Nobody is asked or told anything at the start.
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionPolicyBypassNotification": True,
    "messaging-system.log": "off",
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,",
}
