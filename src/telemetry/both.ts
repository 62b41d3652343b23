import type { ServerEvents } from "../server/events.ts";

/** Tells two listeners what a server tells, in this order. */
export function both(first: ServerEvents, second: ServerEvents): ServerEvents {
  return {
    connectionOpened() {
      first.connectionOpened();
      second.connectionOpened();
    },
    connectionClosed() {
      first.connectionClosed();
      second.connectionClosed();
    },
    callReceived(call) {
      first.callReceived(call);
      second.callReceived(call);
    },
    callFinished(call, outcome) {
      first.callFinished(call, outcome);
      second.callFinished(call, outcome);
    },
    notice(notice) {
      first.notice(notice);
      second.notice(notice);
    },
  };
}
