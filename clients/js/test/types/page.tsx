// Compiled, never run: a page in TypeScript against the published types.
import Pusher from "pusher-js";
import { attach, ParleyError, type HistoryPage, type Publication } from "@parley/client";
import { ParleyProvider, useChannel, useHistory, useMessageNotifications, useParley, usePresence, useUserStatus } from "@parley/client/react";

const pusher = new Pusher("key", { cluster: "self" });
const parley = attach(pusher, { leaveDelay: 1000, activity: true });

export async function read(): Promise<number> {
  const page: HistoryPage = await parley.history("private-domain.7", { since: "00000000000a1b2c:4", limit: 10, direction: "forward" });
  const stop: () => void = parley.onGap((channel, gap) => console.log(channel.length, gap.before - gap.after));
  stop();
  return page.publications.reduce((sum, { offset }) => sum + offset, 0);
}

function Page({ channel }: { channel: string | null }) {
  const { publications, hasOlder, loadOlder } = useHistory(channel, { events: ["message.sent"], limit: 20 });
  const { members, count } = usePresence("presence-domain.7");
  const { statusOf } = useUserStatus("private-domain.7");
  const { unread, total, markRead } = useMessageNotifications(["private-domain.7"], { isOwn: (publication: Publication) => publication.data.from === "me" });
  const { state, whisper } = useChannel(channel, { "message.sent": (data, { event, position }) => console.log(data, event.length, position?.offset) });
  const status: "online" | "away" | "offline" = statusOf(7).status;
  return (
    <button onClick={() => (hasOlder ? void loadOlder() : markRead("private-domain.7"))} title={`${state} ${status} ${count + total} ${unread["private-domain.7"]} ${useParley()?.kind}`}>
      {publications.map(({ key, offset }) => `${key}${offset?.toFixed()}`)}
      {members.map(({ user_id }) => user_id.trim())}
      {String(whisper("typing", {}))}
    </button>
  );
}

export const App = () => (
  <ParleyProvider client={pusher} options={{ leaveDelay: 500 }}>
    <Page channel={null} />
  </ParleyProvider>
);

export const wrong = [
  // @ts-expect-error a direction is forward or backward
  () => parley.history("a", { direction: "sideways" }),
  // @ts-expect-error a channel is named
  () => parley.status(),
  // @ts-expect-error a code is a text
  () => new ParleyError(42),
  // @ts-expect-error channels are a list
  () => useMessageNotifications("private-domain.7"),
  // @ts-expect-error there is no such option
  () => attach(pusher, { leave: 1 }),
];
