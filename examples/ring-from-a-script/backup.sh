#!/bin/sh
# Ring somebody when a command fails: backup.sh ADDRESS COMMAND…
address=$1
shift
"$@" || whisper-peer ring "$address" --text "failed: $*" ${WHISPER_PEER_OPTIONS:-}
